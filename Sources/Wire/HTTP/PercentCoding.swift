/// Percent-encoding of RFC 3986.
package enum PercentCoding {
    /// True where each `%` is followed by two hexadecimal digits.
    static func isValid(_ bytes: ArraySlice<UInt8>) -> Bool {
        var index = bytes.startIndex
        while index < bytes.endIndex {
            if bytes[index] == UInt8(ascii: "%") {
                guard index + 2 < bytes.endIndex, ASCII.hexDigit(bytes[index + 1]) != nil,
                    ASCII.hexDigit(bytes[index + 2]) != nil
                else { return false }
                index += 2
            }
            index += 1
        }
        return true
    }

    /// The bytes that `bytes` stand for, or nil where a `%` has no two hexadecimal digits after it.
    ///
    /// `plusIsSpace` is for queries, where forms write a space as `+`.
    package static func decoded(_ bytes: ArraySlice<UInt8>, plusIsSpace: Bool = false) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            if byte == UInt8(ascii: "%") {
                guard index + 2 < bytes.endIndex, let high = ASCII.hexDigit(bytes[index + 1]),
                    let low = ASCII.hexDigit(bytes[index + 2])
                else { return nil }
                result.append(high << 4 | low)
                index += 3
            } else {
                result.append(plusIsSpace && byte == UInt8(ascii: "+") ? ASCII.space : byte)
                index += 1
            }
        }
        return result
    }

    /// `text` with everything but unreserved characters encoded, fit for a path segment or a query.
    package static func encoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var result: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
                result.append(byte)
            default:
                result += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}

/// A query parameter whose encoding is broken.
package struct HTTPQueryError: Error, Hashable, Sendable {
    /// The parameter's name as received, cut at 64 bytes.
    package let parameter: String
}

/// One `name=value` of a query, decoded; a name alone has an empty value.
package struct HTTPQueryItem: Hashable, Sendable {
    package let name: String
    package let value: String

    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }

    /// The items of a query or of an `application/x-www-form-urlencoded` body, in order.
    ///
    /// - Throws: `HTTPQueryError` where a percent-encoding is malformed or the decoded bytes are no UTF-8.
    package static func parse(_ query: ArraySlice<UInt8>) throws(HTTPQueryError) -> [HTTPQueryItem] {
        var items: [HTTPQueryItem] = []
        for pair in query.split(separator: UInt8(ascii: "&")) {
            let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
            let rawValue = pair[min(equals + 1, pair.endIndex)...]
            guard let name = PercentCoding.decoded(pair[..<equals], plusIsSpace: true),
                let value = PercentCoding.decoded(rawValue, plusIsSpace: true),
                let nameText = String(validating: name, as: UTF8.self),
                let valueText = String(validating: value, as: UTF8.self)
            else {
                throw HTTPQueryError(parameter: String(decoding: pair[..<equals].prefix(64), as: UTF8.self))
            }
            items.append(HTTPQueryItem(name: nameText, value: valueText))
        }
        return items
    }
}
