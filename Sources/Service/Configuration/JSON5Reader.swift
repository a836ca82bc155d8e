/// Reads one JSON5 text, byte by byte; the pieces are `internal` only because they stand in several files.
struct JSON5Reader {
    let text: [UInt8]
    var index = 0
    private var line = 1
    private var lineStart = 0
    private var nesting = 0
    /// A place on the current line up to which its characters have been counted: without it, each value of a long line
    /// would count them again from the start.
    private var mark = (offset: 0, scalars: 0)

    init(_ text: [UInt8]) {
        self.text = text
        // A byte order mark is no part of the text, nor of the first line's columns.
        if text.starts(with: [0xef, 0xbb, 0xbf]) {
            index = 3
            lineStart = 3
        }
    }

    mutating func document() throws(JSON5Error) -> JSON5Value {
        try checkEncoding()
        try skipSpace()
        let value = try value()
        try skipSpace()
        guard index == text.count else { throw unexpected("the end of the text") }
        return value
    }

    // MARK: Values

    mutating func value() throws(JSON5Error) -> JSON5Value {
        advanceMark()
        let start = position()
        guard let byte = peek() else { throw unexpected("a value") }
        switch byte {
        case UInt8(ascii: "{"): return JSON5Value(.object(try object()), at: start)
        case UInt8(ascii: "["): return JSON5Value(.array(try array()), at: start)
        case UInt8(ascii: "\""), UInt8(ascii: "'"): return JSON5Value(.string(try string()), at: start)
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
            return JSON5Value(try number(), at: start)
        default:
            let words: [(String, JSON5Value.Content)] = [
                ("true", .bool(true)), ("false", .bool(false)), ("null", .null),
                ("Infinity", .number(.infinity, literal: "Infinity")), ("NaN", .number(.nan, literal: "NaN")),
            ]
            for (word, content) in words where word.utf8.elementsEqual(wordAhead()) {
                index += word.utf8.count
                return JSON5Value(content, at: start)
            }
            throw unexpected("a value")
        }
    }

    mutating func object() throws(JSON5Error) -> [JSON5Member] {
        try enter()
        var members: [JSON5Member] = []
        var firstPositions: [String: TextPosition] = [:]
        try skipSpace()
        while peek() != UInt8(ascii: "}") {
            let keyPosition = position()
            let key = try key()
            if let first = firstPositions.updateValue(keyPosition, forKey: key) {
                throw JSON5Error(position: keyPosition, message: "the key '\(key)' stands already at \(first)")
            }
            try skipSpace()
            guard take(UInt8(ascii: ":")) else { throw unexpected("':' after the key '\(key)'") }
            try skipSpace()
            members.append(JSON5Member(key: key, keyPosition: keyPosition, value: try value()))
            try skipSpace()
            if take(UInt8(ascii: ",")) {
                try skipSpace()
            } else if peek() != UInt8(ascii: "}") {
                throw unexpected("',' or '}'")
            }
        }
        index += 1
        nesting -= 1
        return members
    }

    mutating func array() throws(JSON5Error) -> [JSON5Value] {
        try enter()
        var elements: [JSON5Value] = []
        try skipSpace()
        while peek() != UInt8(ascii: "]") {
            elements.append(try value())
            try skipSpace()
            if take(UInt8(ascii: ",")) {
                try skipSpace()
            } else if peek() != UInt8(ascii: "]") {
                throw unexpected("',' or ']'")
            }
        }
        index += 1
        nesting -= 1
        return elements
    }

    mutating func enter() throws(JSON5Error) {
        guard nesting < JSON5.maxNesting else {
            throw JSON5Error(position: position(), message: "nested more than \(JSON5.maxNesting) deep")
        }
        nesting += 1
        index += 1
    }

    mutating func key() throws(JSON5Error) -> String {
        if peek() == UInt8(ascii: "\"") || peek() == UInt8(ascii: "'") { return try string() }
        var name = ""
        while true {
            let start = index
            let scalar: Unicode.Scalar
            if take(UInt8(ascii: "\\")) {
                guard take(UInt8(ascii: "u")) else { throw unexpected("'u' and four hexadecimal digits") }
                scalar = try unicodeEscape()
            } else if let next = scalarAhead() {
                scalar = next
                index += UTF8.width(next)
            } else {
                break
            }
            let properties = scalar.properties
            let fits =
                scalar == "$" || scalar == "_" || properties.isIDStart
                || (!name.isEmpty && (properties.isIDContinue || scalar == "\u{200c}" || scalar == "\u{200d}"))
            guard fits else {
                index = start
                break
            }
            name.unicodeScalars.append(scalar)
        }
        guard !name.isEmpty else { throw unexpected("a key or '}'") }
        return name
    }

    // MARK: White space

    mutating func skipSpace() throws(JSON5Error) {
        while let byte = peek() {
            switch byte {
            case 0x09, 0x0b, 0x0c, 0x20: index += 1
            case 0x0a, 0x0d: _ = takeLineEnd()
            case UInt8(ascii: "/") where peek(1) == UInt8(ascii: "/"):
                while let next = peek(), next != 0x0a, next != 0x0d { index += 1 }
            case UInt8(ascii: "/") where peek(1) == UInt8(ascii: "*"):
                let start = position()
                index += 2
                while !(peek() == UInt8(ascii: "*") && peek(1) == UInt8(ascii: "/")) {
                    guard index < text.count else {
                        throw JSON5Error(
                            position: position(), message: "the comment that began at \(start) does not end")
                    }
                    if !takeLineEnd() { index += 1 }
                }
                index += 2
            case 0x80...:
                guard let scalar = scalarAhead(), isSpace(scalar) else { return }
                index += UTF8.width(scalar)
            default: return
            }
        }
    }

    func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "\u{feff}" || scalar == "\u{2028}" || scalar == "\u{2029}"
            || scalar.properties.generalCategory == .spaceSeparator
    }

    /// Steps over a line feed, a carriage return, or both.
    mutating func takeLineEnd() -> Bool {
        guard let byte = peek(), byte == 0x0a || byte == 0x0d else { return false }
        index += byte == 0x0d && peek(1) == 0x0a ? 2 : 1
        line += 1
        lineStart = index
        return true
    }

    // MARK: Bytes and positions

    func peek(_ offset: Int = 0) -> UInt8? { index + offset < text.count ? text[index + offset] : nil }

    mutating func take(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        index += 1
        return true
    }

    func literal(from start: Int) -> String { String(decoding: text[start..<index], as: UTF8.self) }

    /// The letters, digits and marks ahead that could be one word.
    func wordAhead() -> ArraySlice<UInt8> {
        text[index...].prefix { byte in
            byte >= 0x80 || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "$") || (0x30...0x39).contains(byte)
                || (0x61...0x7a).contains(byte | 0x20)
        }
    }

    func scalarAhead() -> Unicode.Scalar? {
        guard index < text.count else { return nil }
        return String(decoding: text[index..<min(index + 4, text.count)], as: UTF8.self).unicodeScalars.first
    }

    func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }

    func position() -> TextPosition { position(of: index) }

    /// The position of a byte on the current line.
    func position(of offset: Int) -> TextPosition {
        let known = mark.offset >= lineStart && mark.offset <= offset ? mark : (offset: lineStart, scalars: 0)
        return TextPosition(line: line, column: known.scalars + scalars(known.offset..<min(offset, text.count)) + 1)
    }

    /// Counts the characters up to here once and for all.
    private mutating func advanceMark() {
        if mark.offset < lineStart { mark = (lineStart, 0) }
        mark = (index, mark.scalars + scalars(mark.offset..<index))
    }

    private func scalars(_ range: Range<Int>) -> Int { text[range].count { $0 & 0xc0 != 0x80 } }

    func unexpected(_ expected: String) -> JSON5Error {
        guard let scalar = scalarAhead() else {
            return JSON5Error(position: position(), message: "expected \(expected), found the end of the text")
        }
        let word = wordAhead().prefix(24)
        let found = word.isEmpty ? visible(scalar) : String(decoding: word, as: UTF8.self)
        return JSON5Error(position: position(), message: "expected \(expected), found '\(found)'")
    }

    private func visible(_ scalar: Unicode.Scalar) -> String {
        scalar.properties.generalCategory == .control ? scalar.escaped(asASCII: true) : String(Character(scalar))
    }

    mutating func checkEncoding() throws(JSON5Error) {
        var decoder = UTF8()
        var bytes = text[index...].makeIterator()
        var line = 1
        var column = 1
        while true {
            switch decoder.decode(&bytes) {
            case .scalarValue("\n"):
                line += 1
                column = 1
            case .scalarValue: column += 1
            case .emptyInput: return
            case .error:
                throw JSON5Error(position: TextPosition(line: line, column: column), message: "the text is not UTF-8")
            }
        }
    }
}
