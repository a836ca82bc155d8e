package import Analytics
package import Service

/// Metric definitions as JSON: in the configuration file, in Redis and in the API's answers.
///
/// ```
/// { name: "response_time", kind: "distribution", value: "duration_ms", unit: "ms", by: ["service"], where: "…" }
/// ```
package enum MetricDefinitionJSON {
    /// Something that is wrong.
    package struct Problem: Sendable {
        package let position: TextPosition
        /// Of the value: `metrics[2].by`.
        package let path: String
        /// What is wrong, and how to mend it.
        package let detail: String
    }

    private static let keys: Set<String> = [
        "name", "kind", "value", "unit", "by", "where", "match", "max_series", "keep",
    ]
    /// What only stored definitions have.
    private static let storedKeys: Set<String> = ["id", "retired", "former_groups"]

    /// Reads the list of metrics of a configuration; every problem is added to `problems`, and what can be read is returned.
    package static func read(_ list: JSON5Value, path: String, problems: inout [Problem]) -> [MetricDefinition] {
        guard let elements = list.elements else {
            problems.append(
                Problem(position: list.position, path: path, detail: "must be a list of metrics, not \(list.kindName)"))
            return []
        }
        if elements.count > 200 {
            problems.append(Problem(position: list.position, path: path, detail: "has more than 200 metrics"))
        }
        var names: Set<String> = []
        var metrics: [MetricDefinition] = []
        for (index, element) in elements.prefix(200).enumerated() {
            let path = "\(path)[\(index)]"
            guard let metric = readMetric(element, path: path, problems: &problems) else { continue }
            if !names.insert(metric.name).inserted {
                let detail = "\"\(metric.name)\" is defined twice"
                problems.append(Problem(position: element.position, path: "\(path).name", detail: detail))
            }
            metrics.append(metric)
        }
        return metrics
    }

    /// The definitions as they are stored.
    package static func encode(_ definitions: Definitions) -> [UInt8] {
        var json: [UInt8] = []
        json.appendJSON(literal: "{\"version\":")
        json.appendJSON(definitions.version)
        json.appendJSON(literal: ",\"metrics\":[")
        for (index, metric) in definitions.metrics.enumerated() {
            if index > 0 { json.appendJSON(literal: ",") }
            append(metric, to: &json)
        }
        json.appendJSON(literal: "]}")
        return json
    }

    /// What `encode` wrote; nil where it is damaged or of a version that this program cannot read.
    package static func decode(_ json: [UInt8]) -> Definitions? {
        guard let value = try? JSON5.parse(json), let version = value["version"]?.integer,
            let list = value["metrics"]?.elements
        else { return nil }
        var problems: [Problem] = []
        var metrics: [MetricDefinition] = []
        for element in list {
            guard var metric = readMetric(element, path: "", isStored: true, problems: &problems),
                let id = element["id"]?.integer.flatMap(UInt16.init(exactly:))
            else { return nil }
            metric.id = MetricID(rawValue: id)
            metric.isRetired = element["retired"]?.bool ?? false
            metric.formerGroups = (element["former_groups"]?.elements ?? []).compactMap(\.string)
            metrics.append(metric)
        }
        guard problems.isEmpty else { return nil }
        return Definitions(version: Int(version), metrics: metrics)
    }

    private static func append(_ metric: MetricDefinition, to json: inout [UInt8]) {
        json.appendJSON(literal: "{\"id\":")
        json.appendJSON(Int(metric.id.rawValue))
        json.appendJSON(literal: ",\"name\":")
        json.appendJSON(metric.name)
        json.appendJSON(literal: ",\"kind\":")
        json.appendJSON(metric.kind.rawValue)
        if let value = metric.value {
            json.appendJSON(literal: ",\"value\":")
            json.appendJSON(value)
        }
        if !metric.unit.isEmpty {
            json.appendJSON(literal: ",\"unit\":")
            json.appendJSON(metric.unit)
        }
        json.appendJSON(literal: ",\"by\":[")
        for (index, name) in metric.by.enumerated() {
            if index > 0 { json.appendJSON(literal: ",") }
            json.appendJSON(name)
        }
        json.appendJSON(literal: "]")
        if let filter = metric.filter {
            json.appendJSON(literal: ",\"where\":")
            json.appendJSON(filter.source)
        }
        if let match = metric.match {
            json.appendJSON(literal: ",\"match\":")
            json.appendJSON(match.source)
        }
        json.appendJSON(literal: ",\"max_series\":")
        json.appendJSON(metric.maxSeries)
        if metric.kind == .top {
            json.appendJSON(literal: ",\"keep\":")
            json.appendJSON(metric.keep)
        }
        if metric.isRetired { json.appendJSON(literal: ",\"retired\":true") }
        if !metric.formerGroups.isEmpty {
            json.appendJSON(literal: ",\"former_groups\":[")
            for (index, name) in metric.formerGroups.enumerated() {
                if index > 0 { json.appendJSON(literal: ",") }
                json.appendJSON(name)
            }
            json.appendJSON(literal: "]")
        }
        json.appendJSON(literal: "}")
    }

    private static func readMetric(
        _ value: JSON5Value, path: String, isStored: Bool = false, problems: inout [Problem]
    ) -> MetricDefinition? {
        guard let members = value.members else {
            let detail = "must be an object that defines a metric, not \(value.kindName)"
            problems.append(Problem(position: value.position, path: path, detail: detail))
            return nil
        }
        for member in members where !keys.contains(member.key) && !(isStored && storedKeys.contains(member.key)) {
            problems.append(
                Problem(
                    position: member.keyPosition, path: "\(path).\(member.key)",
                    detail: "is unknown; a metric has name, kind, value, unit, by, where, match, max_series and keep"))
        }
        var reader = Reader(value: value, path: path)
        defer { problems += reader.problems }
        let name = reader.text("name", isNeeded: true) ?? ""
        if !isStored && name == MetricDefinition.events.name {
            reader.fail("name", "\"events\" is built in; choose another name")
        } else if !name.isEmpty && !isName(name) {
            reader.fail("name", "must begin with a letter, then letters, digits and _ . -, at most 64")
        }
        let kindName = reader.text("kind", isNeeded: true)
        let kind = kindName.flatMap(MetricKind.init)
        if let kindName, kind == nil {
            let known = MetricKind.allCases.map(\.rawValue).joined(separator: ", ")
            reader.fail("kind", "\"\(kindName)\" is unknown; it is one of \(known)")
        }
        var metric = MetricDefinition(id: .events, name: name, kind: kind ?? .counter)
        metric.value = reader.text("value", isNeeded: kind.map { $0 != .counter && $0 != .ratio } ?? false)
        if kind == .ratio && metric.value != nil { reader.fail("value", "a ratio has no value; it counts events") }
        metric.unit = reader.text("unit") ?? ""
        metric.by = reader.names("by")
        if metric.by.contains("overflow") {
            reader.fail("by", "\"overflow\" is the label of what is past max_series; choose another field")
        }
        metric.filter = reader.condition("where")
        metric.match = reader.condition("match", isNeeded: kind == .ratio)
        if let kind, kind != .ratio, value["match"] != nil {
            reader.fail("match", "belongs to a ratio; \"where\" filters")
        }
        if let limit = reader.integer("max_series", in: 1...1_000_000) { metric.maxSeries = limit }
        if let kind, kind != .top, value["keep"] != nil { reader.fail("keep", "belongs to a top; it limits its items") }
        if let keep = reader.integer("keep", in: 1...10_000) { metric.keep = keep }
        return reader.problems.isEmpty ? metric : nil
    }

    static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, (1...64).contains(text.utf8.count) else { return false }
        let isLetter = { (byte: UInt8) in (byte | 0x20) >= UInt8(ascii: "a") && (byte | 0x20) <= UInt8(ascii: "z") }
        return (isLetter(first) || first == UInt8(ascii: "_"))
            && text.utf8.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) || "_.-".utf8.contains($0) }
    }
}

/// Reads the members of one metric and keeps what is wrong with them.
private struct Reader {
    let value: JSON5Value
    let path: String
    private(set) var problems: [MetricDefinitionJSON.Problem] = []

    init(value: JSON5Value, path: String) {
        self.value = value
        self.path = path
    }

    mutating func fail(_ key: String, _ detail: String) {
        let position = value[key]?.position ?? value.position
        problems.append(.init(position: position, path: "\(path).\(key)", detail: detail))
    }

    mutating func text(_ key: String, isNeeded: Bool = false) -> String? {
        guard let member = value[key] else {
            if isNeeded { fail(key, "is missing") }
            return nil
        }
        guard let text = member.string, !text.isEmpty else {
            fail(key, "must be a text")
            return nil
        }
        return text
    }

    mutating func names(_ key: String) -> [String] {
        guard let member = value[key] else { return [] }
        guard let names = member.elements?.map({ $0.string ?? "" }) else {
            fail(key, "must be a list of field names")
            return []
        }
        if names.count > 16 { fail(key, "has more than 16 fields") }
        if Set(names).count != names.count { fail(key, "names a field twice") }
        for name in names where !MetricDefinitionJSON.isName(name) {
            fail(key, "\"\(name)\" is no field name: a letter, then letters, digits and _ . -, at most 64")
        }
        return names
    }

    mutating func condition(_ key: String, isNeeded: Bool = false) -> Condition? {
        guard let source = text(key, isNeeded: isNeeded) else { return nil }
        do {
            return try Condition(parsing: source)
        } catch {
            fail(key, "\(error) in \"\(source)\"")
            return nil
        }
    }

    mutating func integer(_ key: String, in range: ClosedRange<Int64>) -> Int? {
        guard let member = value[key] else { return nil }
        guard let number = member.integer, range.contains(number) else {
            fail(key, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return Int(number)
    }
}
