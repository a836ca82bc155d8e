package import Analytics

extension [UInt8] {
    /// Appends a field of CSV (RFC 4180): in quotes where it holds a quote, a comma or a line end.
    package mutating func appendCSV(_ text: String) {
        let bytes = text.utf8
        // By bytes: a character of Swift may be a quote with a mark on it, or a whole CR LF.
        guard bytes.contains(where: { $0 == 0x22 || $0 == 0x2C || $0 == 0x0D || $0 == 0x0A }) else {
            append(contentsOf: bytes)
            return
        }
        append(0x22)
        for byte in bytes {
            if byte == 0x22 { append(0x22) }
            append(byte)
        }
        append(0x22)
    }

    /// Appends the end of a line of CSV.
    package mutating func endCSVLine() { append(contentsOf: [0x0D, 0x0A]) }
}

extension TopItems {
    /// Items that one bucket of a series lists, in queries, live messages and exports.
    package static let perBucket = 10

    /// `/pay=123 /cart=5`: the `limit` heaviest as one text, for a field of CSV.
    package func csvText(limit: Int) -> String {
        heaviest(limit).map { "\(String(decoding: $0.item, as: UTF8.self))=\($0.count)" }.joined(separator: " ")
    }
}

extension [UInt8] {
    /// Appends the `limit` heaviest items, `[{"item":"/pay","count":123},…]`.
    package mutating func appendJSON(_ items: TopItems, limit: Int) {
        append(UInt8(ascii: "["))
        for (index, one) in items.heaviest(limit).enumerated() {
            if index > 0 { append(UInt8(ascii: ",")) }
            appendJSON(literal: "{\"item\":")
            appendJSON(String(decoding: one.item, as: UTF8.self))
            appendJSON(literal: ",\"count\":")
            appendJSON(one.count)
            append(UInt8(ascii: "}"))
        }
        append(UInt8(ascii: "]"))
    }
}
