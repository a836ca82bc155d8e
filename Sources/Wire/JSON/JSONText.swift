extension [UInt8] {
    /// Appends `text` as a JSON string, quotes included (RFC 8259, section 7).
    package mutating func appendJSON(_ text: some StringProtocol) {
        append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                append(UInt8(ascii: "\\"))
                append(byte)
            case UInt8(ascii: "\n"): append(contentsOf: "\\n".utf8)
            case UInt8(ascii: "\r"): append(contentsOf: "\\r".utf8)
            case UInt8(ascii: "\t"): append(contentsOf: "\\t".utf8)
            case 0..<0x20, 0x7F:
                append(contentsOf: "\\u00".utf8)
                append(Self.hexadecimal(byte >> 4))
                append(Self.hexadecimal(byte & 15))
            default: append(byte)
            }
        }
        append(UInt8(ascii: "\""))
    }

    /// Appends the shortest text of a finite number that reads back the same; whole numbers have no fraction.
    package mutating func appendJSON(_ number: Double) {
        if let whole = Int(exactly: number), whole.magnitude < 1 << 53 {
            appendJSON(whole)
        } else if !appendShortFraction(number) {
            append(contentsOf: number.description.utf8)
        }
    }

    /// Appends a number that has one to six decimals and at most 15 digits; false where it is another.
    ///
    /// Two decimal numbers of at most 15 digits are never nearest to the same double, so that with the fewest decimals among them is
    /// the shortest text.
    private mutating func appendShortFraction(_ number: Double) -> Bool {
        // Below, the shortest text has an exponent.
        guard number.magnitude >= 0.0001, number.magnitude < 1e9 else { return false }
        var power = 1.0
        for decimals in 1...6 {
            power *= 10
            let digits = Double(UInt(number.magnitude * power + 0.5))
            // Both are whole and below 2^53, so this is the double nearest to the decimal number.
            guard digits / power == number.magnitude else { continue }
            if number < 0 { append(UInt8(ascii: "-")) }
            let (whole, fraction) = UInt(digits).quotientAndRemainder(dividingBy: UInt(power))
            append(digits: whole, atLeast: 1)
            append(UInt8(ascii: "."))
            append(digits: fraction, atLeast: decimals)
            return true
        }
        return false
    }

    /// Appends a whole number.
    package mutating func appendJSON(_ number: Int) {
        if number < 0 { append(UInt8(ascii: "-")) }
        append(digits: number.magnitude, atLeast: 1)
    }

    private mutating func append(digits number: UInt, atLeast count: Int) {
        var digits = InlineArray<20, UInt8>(repeating: UInt8(ascii: "0"))
        var start = digits.count
        var rest = number
        while rest > 0 {
            start -= 1
            let (tens, digit) = rest.quotientAndRemainder(dividingBy: 10)
            digits[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit)
            rest = tens
        }
        let first = Swift.min(start, digits.count - count)
        // All at once: to look for room before each digit costs more than to make it.
        unsafe digits.span.withUnsafeBufferPointer { unsafe append(contentsOf: $0[first...]) }
    }

    /// Appends JSON that is known to be right as it stands.
    package mutating func appendJSON(literal text: StaticString) {
        text.withUTF8Buffer { unsafe append(contentsOf: $0) }
    }

    private static func hexadecimal(_ digit: UInt8) -> UInt8 {
        digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
    }
}
