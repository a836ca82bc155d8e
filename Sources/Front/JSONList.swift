internal import Wire

extension [UInt8] {
    /// Appends a JSON array whose elements `body` writes.
    mutating func appendJSONList<Elements: Sequence>(
        _ elements: Elements, _ body: (inout [UInt8], Elements.Element) -> Void
    ) {
        append(UInt8(ascii: "["))
        var isFirst = true
        for element in elements {
            if !isFirst { append(UInt8(ascii: ",")) }
            isFirst = false
            body(&self, element)
        }
        append(UInt8(ascii: "]"))
    }

    /// Appends a JSON array of strings.
    mutating func appendJSONList(_ texts: some Sequence<String>) { appendJSONList(texts) { $0.appendJSON($1) } }
}
