package import Analytics
package import Service

/// Boards as JSON: in the configuration, in PostgreSQL, in the API, and in the files that the page exports.
///
/// ```
/// { "format": 1, "name": "checkout", "title": "Checkout", "range": "1h", "panels": [
///   { "metric": "response_time", "agg": ["p50", "p99"], "by": ["service"], "filters": { "endpoint": "/pay" },
///     "title": "How fast they pay", "size": "wide" } ] }
/// ```
package enum BoardJSON {
    /// Something that is wrong.
    package struct Problem: Sendable, CustomStringConvertible {
        package let position: TextPosition
        /// Of the value: `panels[2].metric`.
        package let path: String
        /// What is wrong, and how to mend it.
        package let detail: String

        package var description: String { path.isEmpty ? detail : "\(path): \(detail)" }
    }

    /// The only format there is.
    static let format: Int64 = 1

    /// Reads one board; every problem is added to `problems`.
    ///
    /// - Parameters:
    ///   - value: the board.
    ///   - path: of the board in its text; empty where it is all of it.
    ///   - name: its name where it does not say one itself.
    ///   - metrics: what panels may show; nil: whatever they name.
    ///   - problems: what is wrong.
    /// - Returns: the board; nil where there is any problem with it.
    package static func read(
        _ value: JSON5Value, path: String = "", name: String? = nil, metrics: [MetricDefinition]? = nil,
        problems: inout [Problem]
    ) -> Board? {
        var reader = BoardReader(value, path: path)
        defer { problems += reader.problems }
        guard reader.isObject(of: ["format", "name", "title", "range", "panels"], "a board") else { return nil }
        if let given = value["format"], given.integer != format {
            reader.fail("format", "is not one that this program reads; it reads \(format)")
        }
        var board = Board(name: reader.text("name", upTo: 64) ?? name ?? "", title: "")
        if value["name"] == nil, name == nil {
            reader.fail("name", "is missing")
        } else if value["name"]?.string != nil || value["name"] == nil, !Board.isName(board.name) {
            reader.fail("name", "must be 1 to 64 of a-z, 0-9, - and _, and begin with a letter or a digit")
        }
        board.title = reader.text("title", upTo: 100) ?? board.name
        board.range = reader.text("range", upTo: 6)
        if let range = board.range, !Board.isRange(range) {
            reader.fail("range", "must be a length of time from 10s to 3660d, as in 15m, 6h, 7d")
        }
        let panels = reader.elements("panels", upTo: Board.maxPanels)
        if value["panels"] == nil { reader.fail("panels", "is missing; an empty list will do") }
        for (index, element) in panels.enumerated() {
            var panel = BoardReader(element, path: reader.path(of: "panels[\(index)]"))
            if let read = panel.panel(metrics) { board.panels.append(read) }
            reader.problems += panel.problems
        }
        return reader.problems.isEmpty ? board : nil
    }

    /// The text of a board, on one line: what `read` reads as the same board.
    package static func encode(_ board: Board) -> [UInt8] {
        var json: [UInt8] = []
        json.appendJSON(literal: "{\"format\":1,\"name\":")
        json.appendJSON(board.name)
        json.appendMember("title", board.title)
        json.appendMember("range", board.range)
        json.appendJSON(literal: ",\"panels\":[")
        for (index, panel) in board.panels.enumerated() {
            if index > 0 { json.append(UInt8(ascii: ",")) }
            json.appendJSON(literal: "{\"metric\":")
            json.appendJSON(panel.metric)
            json.appendMember("agg", panel.aggregations)
            json.appendMember("by", panel.by)
            for (index, filter) in panel.filters.enumerated() {
                json.append(contentsOf: (index == 0 ? ",\"filters\":{" : ",").utf8)
                json.appendJSON(filter.label)
                json.append(UInt8(ascii: ":"))
                json.appendJSON(filter.patterns)
            }
            if !panel.filters.isEmpty { json.append(UInt8(ascii: "}")) }
            json.appendMember("title", panel.title)
            json.appendMember("size", panel.size == .normal ? nil : panel.size.rawValue)
            json.append(UInt8(ascii: "}"))
        }
        json.appendJSON(literal: "]}")
        return json
    }
}

extension [UInt8] {
    /// Appends `,"name":"text"`, or nothing where there is no text.
    fileprivate mutating func appendMember(_ name: String, _ text: String?) {
        guard let text else { return }
        append(UInt8(ascii: ","))
        appendJSON(name)
        append(UInt8(ascii: ":"))
        appendJSON(text)
    }

    /// Appends `,"name":["a","b"]`, or nothing where the list is empty.
    fileprivate mutating func appendMember(_ name: String, _ texts: [String]) {
        guard !texts.isEmpty else { return }
        append(UInt8(ascii: ","))
        appendJSON(name)
        for (index, text) in texts.enumerated() {
            append(contentsOf: (index == 0 ? ":[" : ",").utf8)
            appendJSON(text)
        }
        append(UInt8(ascii: "]"))
    }
}
