import TestKit

/// A constant of the type bytea.
func literal(_ bytes: some Collection<UInt8>) -> String {
    let digits = Array("0123456789abcdef")
    var text = "'\\x"
    for byte in bytes {
        text.append(digits[Int(byte >> 4)])
        text.append(digits[Int(byte & 15)])
    }
    return text + "'::bytea"
}

/// The bytes of hexadecimal digits, with or without `\x` before them.
func fromHexadecimal(_ text: String) throws -> [UInt8] {
    let digits = Array((text.hasPrefix("\\x") ? text.dropFirst(2) : text[...]).utf8)
    return try stride(from: 0, to: digits.count, by: 2).map { place in
        guard let byte = UInt8(String(decoding: digits[place..<min(place + 2, digits.count)], as: UTF8.self), radix: 16)
        else {
            throw TestKitError("no bytes: \(text)")
        }
        return byte
    }
}
