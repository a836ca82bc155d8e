/// Makes the page's own modules lighter to load: comments and indentation stay in the repository, lines keep their numbers.
enum PageScript {
    private static let newline = UInt8(ascii: "\n")

    /// The module without indentation and without lines that only hold a comment; each is left as an empty line, so that an
    /// error in the browser names the line of the source.
    ///
    /// It looks at lines only: a module has no text of several lines that begin with `//` or `/*`.
    static func reduced(_ source: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(source.count)
        var isInComment = false
        for line in source.split(separator: newline, omittingEmptySubsequences: false) {
            let text = line.drop { $0 == UInt8(ascii: " ") }
            if !result.isEmpty || line.startIndex > 0 { result.append(newline) }
            if !isInComment, text.starts(with: "//".utf8) { continue }
            let opens = !isInComment && text.starts(with: "/*".utf8)
            guard opens || isInComment else {
                result += text
                continue
            }
            isInComment = !text.reversed().starts(with: "/*".utf8)
        }
        return result
    }
}
