extension JSON5Reader {
    // MARK: Numbers

    mutating func number() throws(JSON5Error) -> JSON5Value.Content {
        let start = index
        let negative = peek() == UInt8(ascii: "-")
        if negative || peek() == UInt8(ascii: "+") { index += 1 }
        let sign = negative ? -1.0 : 1.0
        if "Infinity".utf8.elementsEqual(wordAhead()) {
            index += 8
            return .number(sign * .infinity, literal: literal(from: start))
        }
        if "NaN".utf8.elementsEqual(wordAhead()) {
            index += 3
            return .number(.nan, literal: "NaN")
        }
        if peek() == UInt8(ascii: "0"), peek(1).map({ $0 | 0x20 }) == UInt8(ascii: "x") {
            index += 2
            let digits = index
            while let byte = peek(), hexValue(byte) != nil { index += 1 }
            guard index > digits else { throw unexpected("hexadecimal digits") }
            try endOfNumber()
            let magnitude = text[digits..<index].reduce(0.0) { $0 * 16 + Double(hexValue($1) ?? 0) }
            let exact = UInt64(String(decoding: text[digits..<index], as: UTF8.self), radix: 16)
            return .number(
                sign * magnitude, literal: (negative ? "-" : "") + (exact.map { String($0) } ?? "\(magnitude)"))
        }
        let whole = skipDigits()
        if whole > 1, text[index - whole] == UInt8(ascii: "0") {
            throw JSON5Error(position: position(of: index - whole), message: "a number does not begin with 0")
        }
        var fraction = 0
        if take(UInt8(ascii: ".")) { fraction = skipDigits() }
        guard whole + fraction > 0 else { throw unexpected("a digit") }
        if let byte = peek(), byte | 0x20 == UInt8(ascii: "e") {
            index += 1
            if peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "-") { index += 1 }
            guard skipDigits() > 0 else { throw unexpected("the digits of an exponent") }
        }
        try endOfNumber()
        let written = literal(from: start)
        // Swift wants digits on both sides of the point, JSON5 on one.
        var digits = written.hasPrefix("+") ? String(written.dropFirst()) : written
        if digits.hasPrefix(".") || digits.hasPrefix("-.") { digits.replace(".", with: "0.") }
        if let point = digits.firstIndex(of: "."), !(digits[digits.index(after: point)...].first?.isNumber ?? false) {
            digits.remove(at: point)
        }
        guard let number = Double(digits) else {
            throw JSON5Error(position: position(of: start), message: "not a number: \(written)")
        }
        return .number(number, literal: digits)
    }

    private mutating func endOfNumber() throws(JSON5Error) {
        if let next = scalarAhead(), next.properties.isIDContinue || next == "." || next == "$" {
            throw unexpected("the end of the number")
        }
    }

    private mutating func skipDigits() -> Int {
        let start = index
        while let byte = peek(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { index += 1 }
        return index - start
    }

    // MARK: Strings

    mutating func string() throws(JSON5Error) -> String {
        let start = position()
        let quote = text[index]
        index += 1
        var bytes: [UInt8] = []
        while let byte = peek() {
            switch byte {
            case quote:
                index += 1
                return String(decoding: bytes, as: UTF8.self)
            case UInt8(ascii: "\\"):
                index += 1
                try escape(into: &bytes)
            case 0x0a, 0x0d:
                throw JSON5Error(
                    position: position(), message: "the string that began at \(start) does not end on its line")
            default:
                bytes.append(byte)
                index += 1
            }
        }
        throw JSON5Error(position: position(), message: "the string that began at \(start) does not end")
    }

    private mutating func escape(into bytes: inout [UInt8]) throws(JSON5Error) {
        guard let byte = peek() else { throw unexpected("a character after '\\'") }
        let simple: [UInt8: UInt8] = [
            UInt8(ascii: "b"): 8, UInt8(ascii: "f"): 12, UInt8(ascii: "n"): 10, UInt8(ascii: "r"): 13,
            UInt8(ascii: "t"): 9, UInt8(ascii: "v"): 11,
        ]
        if let control = simple[byte] {
            bytes.append(control)
            index += 1
        } else if byte == UInt8(ascii: "x") {
            index += 1
            bytes += Array(String(Unicode.Scalar(UInt8(try hexNumber(digits: 2)))).utf8)
        } else if byte == UInt8(ascii: "u") {
            index += 1
            bytes += Array(String(Character(try unicodeEscape())).utf8)
        } else if byte == UInt8(ascii: "0"), !(peek(1).map { (0x30...0x39).contains($0) } ?? false) {
            bytes.append(0)
            index += 1
        } else if (0x30...0x39).contains(byte) {
            throw unexpected("an escape that JSON5 knows after '\\'")
        } else if takeLineEnd() {
            return  // A backslash at the end of a line: the string goes on in the next.
        } else if let scalar = scalarAhead() {
            index += UTF8.width(scalar)
            if scalar != "\u{2028}", scalar != "\u{2029}" { bytes += Array(String(Character(scalar)).utf8) }
        }
    }

    mutating func unicodeEscape() throws(JSON5Error) -> Unicode.Scalar {
        let start = position(of: index - 2)
        let first = try hexNumber(digits: 4)
        if let scalar = Unicode.Scalar(first) { return scalar }
        // Characters above U+FFFF stand as two escapes, a high and a low surrogate.
        if first < 0xdc00, take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) {
            let second = try hexNumber(digits: 4)
            if (0xdc00..<0xe000).contains(second),
                let scalar = Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
            {
                return scalar
            }
        }
        throw JSON5Error(position: start, message: "half of a surrogate pair")
    }

    private mutating func hexNumber(digits: Int) throws(JSON5Error) -> UInt32 {
        var number: UInt32 = 0
        for _ in 0..<digits {
            guard let digit = peek().flatMap(hexValue) else { throw unexpected("\(digits) hexadecimal digits") }
            number = number << 4 + UInt32(digit)
            index += 1
        }
        return number
    }
}
