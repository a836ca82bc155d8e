internal import Analytics
internal import Service

/// Reads the members of a board, or of one of its panels, and keeps what is wrong with them.
struct BoardReader {
    private let value: JSON5Value
    private let path: String
    var problems: [BoardJSON.Problem] = []

    init(_ value: JSON5Value, path: String) {
        self.value = value
        self.path = path
    }

    func path(of key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    mutating func fail(_ key: String, _ detail: String) {
        // The member that is wrong, or where it should be: `filters.service` is one of `filters`.
        let position = value[String(key.prefix { $0 != "." && $0 != "[" })]?.position ?? value.position
        problems.append(.init(position: position, path: path(of: key), detail: detail))
    }

    /// Whether it is an object with no other keys than these.
    mutating func isObject(of keys: [String], _ what: String) -> Bool {
        guard let members = value.members else {
            let detail = "must be an object that describes \(what), not \(value.kindName)"
            problems.append(.init(position: value.position, path: path, detail: detail))
            return false
        }
        for member in members where !keys.contains(member.key) {
            let detail = "is unknown; \(what) has \(keys.joined(separator: ", "))"
            problems.append(.init(position: member.keyPosition, path: path(of: member.key), detail: detail))
        }
        return true
    }

    /// A text for people, of so many characters at most.
    mutating func text(_ key: String, upTo most: Int, isNeeded: Bool = false) -> String? {
        guard let member = value[key] else {
            if isNeeded { fail(key, "is missing") }
            return nil
        }
        guard let text = member.string, !text.isEmpty, text.unicodeScalars.count <= most,
            text.unicodeScalars.allSatisfy({ $0.value >= 32 && $0.value != 127 })
        else {
            fail(key, "must be a text of 1 to \(most) characters, none of them a control character")
            return nil
        }
        return text
    }

    mutating func elements(_ key: String, upTo most: Int) -> ArraySlice<JSON5Value> {
        guard let member = value[key] else { return [] }
        guard let elements = member.elements else {
            fail(key, "must be a list, not \(member.kindName)")
            return []
        }
        if elements.count > most { fail(key, "has more than \(most) elements") }
        return elements.prefix(most)
    }

    private mutating func names(_ key: String, upTo most: Int) -> [String] {
        var names: [String] = []
        for (index, element) in elements(key, upTo: most).enumerated() {
            guard let name = element.string, !name.isEmpty, !name.contains(",") else {
                fail(
                    "\(key)[\(index)]", "must be a name, not \(element.string == nil ? element.kindName : "this text")")
                continue
            }
            if names.contains(name) { fail("\(key)[\(index)]", "names \"\(name)\" twice") }
            names.append(name)
        }
        return names
    }

    private mutating func filters() -> [(label: String, patterns: String)] {
        guard let member = value["filters"] else { return [] }
        guard let members = member.members else {
            fail("filters", "must be an object of labels, as in {\"service\": \"checkout,search\"}")
            return []
        }
        if members.count > 16 { fail("filters", "has more than 16 labels") }
        // In an order of their own: PostgreSQL keeps none, and the same board is always the same text.
        return members.prefix(16).sorted { $0.key < $1.key }.compactMap { member in
            guard let patterns = member.value.string, !patterns.isEmpty, patterns.utf8.count <= 4_096,
                !patterns.utf8.contains(0)
            else {
                fail("filters.\(member.key)", "must be a text of patterns, as in \"checkout,search\" or \"!test\"")
                return nil
            }
            return (member.key, patterns)
        }
    }

    /// The panel that this is; nil where it is none, or something is wrong with it.
    mutating func panel(_ metrics: [MetricDefinition]?) -> Board.Panel? {
        guard isObject(of: ["metric", "agg", "by", "filters", "title", "size"], "a panel"),
            let metric = text("metric", upTo: 64, isNeeded: true)
        else { return nil }
        var panel = Board.Panel(
            metric: metric, aggregations: names("agg", upTo: Query.maxAggregations), by: names("by", upTo: 16),
            filters: filters(), title: text("title", upTo: 100))
        if let size = value["size"] {
            if let known = size.string.flatMap(Board.Size.init) {
                panel.size = known
            } else {
                fail("size", "must be one of \(Board.Size.allCases.map(\.rawValue).joined(separator: ", "))")
            }
        }
        if let metrics, problems.isEmpty { check(panel, metrics) }
        return problems.isEmpty ? panel : nil
    }

    /// Asks what the panel would ask.
    private mutating func check(_ panel: Board.Panel, _ metrics: [MetricDefinition]) {
        guard let metric = metrics.first(where: { $0.name == panel.metric }) else {
            let known = metrics.filter { !$0.isRetired }.map(\.name).joined(separator: ", ")
            return fail("metric", "there is no metric \"\(panel.metric)\"; there are \(known)")
        }
        var texts = Query.Texts()
        if !panel.aggregations.isEmpty { texts.aggregations = panel.aggregations.joined(separator: ",") }
        texts.by = panel.by.joined(separator: ",")
        for filter in panel.filters { texts.filter.add(label: filter.label, patterns: filter.patterns) }
        do throws(QueryError) {
            _ = try Query(metric: metric, texts, nowMs: 86_400_000)
        } catch {
            let isFilter = error.parameter.hasPrefix("label.")
            fail(isFilter ? "filters.\(error.parameter.dropFirst(6))" : error.parameter, error.detail)
        }
    }
}
