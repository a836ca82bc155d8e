/// Makes the page's style sheet lighter to load: comments, indentation, empty lines and spaces that say nothing stay in the
/// repository.
///
/// It takes the sheet for what ours are: no text in it holds a comment, or one of `:;,{}` with a space behind it.
enum PageStyle {
    private static let (space, newline) = (UInt8(ascii: " "), UInt8(ascii: "\n"))
    /// After these, and before braces, no space is needed; before a colon it says "somewhere in".
    private static let openers = Set(":;,{}".utf8)

    /// The sheet without what is for its readers only.
    static func reduced(_ source: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(source.count)
        var rest = source[...]
        while let byte = rest.first {
            if rest.starts(with: "/*".utf8) {
                rest = rest.dropFirst(2)
                while !rest.isEmpty, !rest.starts(with: "*/".utf8) { rest = rest.dropFirst() }
                rest = rest.dropFirst(2)
                continue
            }
            rest = rest.dropFirst()
            let (before, after) = (result.last ?? newline, rest.first ?? newline)
            if byte == space || byte == newline, before == newline || (byte == space && openers.contains(before)) {
                continue
            }
            if byte == space, after == UInt8(ascii: "{") || after == UInt8(ascii: "}") { continue }
            result.append(byte)
        }
        return result
    }
}
