/// Reads the finite decimal number that fills `range`; nil where it holds anything else.
///
/// The numbers of JSON, and two things that people write in plain texts: zeros in front, and no digit before the point.
///
/// Up to 15 digits and powers of ten up to 22 are exact in a double, so their quotient is correctly rounded (Clinger, "How to
/// read floating point numbers accurately", 1990); the rest goes the slow way.
package func parseNumber(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Double? {
    var place = range.lowerBound
    let end = range.upperBound
    guard place < end else { return nil }
    let isNegative = bytes[place] == UInt8(ascii: "-")
    if isNegative { place += 1 }
    var mantissa: Int64 = 0
    var digits = 0
    var fraction = 0
    var sawPoint = false
    while place < end {
        let byte = bytes[place]
        if byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") {
            digits += 1
            if digits > 15 { return parseSlowly(bytes, range) }
            mantissa = mantissa * 10 + Int64(byte - UInt8(ascii: "0"))
            if sawPoint { fraction += 1 }
        } else if byte == UInt8(ascii: ".") && !sawPoint && digits > 0 {
            sawPoint = true
        } else {
            return parseSlowly(bytes, range)
        }
        place += 1
    }
    guard digits > 0, !sawPoint || fraction > 0 else { return nil }
    let magnitude = decimal(mantissa, fraction: fraction)
    return isNegative ? -magnitude : magnitude
}

/// The number whose digits are `mantissa`, 0..<10¹⁵, the last `fraction` of them, 0...15, behind the point; correctly rounded.
package func decimal(_ mantissa: Int64, fraction: Int) -> Double { Double(mantissa) / powersOfTen[fraction] }

private let powersOfTen: [Double] = [
    1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
]

/// Long numbers and those with an exponent.
private func parseSlowly(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Double? {
    guard range.count <= 400 else { return nil }
    var text: [UInt8] = []
    for place in range {
        switch bytes[place] {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"),
            UInt8(ascii: "+"), UInt8(ascii: "-"):
            text.append(bytes[place])
        default: return nil
        }
    }
    guard text.first != UInt8(ascii: "+") else { return nil }
    if let point = text.firstIndex(of: UInt8(ascii: ".")) {
        guard point + 1 < text.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[point + 1]) else {
            return nil
        }
    }
    guard let number = Double(String(decoding: text, as: UTF8.self)), number.isFinite else { return nil }
    return number
}

/// The whole number that `text` is: decimal digits and nothing else; nil where it is none, or not in `range`.
package func parseWholeNumber(_ text: String, in range: ClosedRange<Int>) -> Int? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(text) else { return nil }
    return range.contains(number) ? number : nil
}
