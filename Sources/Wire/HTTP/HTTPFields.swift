/// The fields (headers) of a received message: the bytes of its head and where each name and value lies in them.
///
/// Nothing is turned into a `String` until it is asked for. Names match in any case of letters.
package struct HTTPFields: Sendable {
    struct Slice: Sendable {
        let name: Range<Int>
        let value: Range<Int>
    }

    let bytes: [UInt8]
    let slices: [Slice]

    package var count: Int { slices.count }

    /// The first value of `name`, or nil.
    package subscript(_ name: String) -> String? {
        guard let slice = slices.first(where: { ASCII.equals(bytes, $0.name, name) }) else { return nil }
        return String(decoding: bytes[slice.value], as: UTF8.self)
    }

    /// All values of `name`, in the order received.
    package func all(_ name: String) -> [String] {
        slices.filter { ASCII.equals(bytes, $0.name, name) }
            .map { String(decoding: bytes[$0.value], as: UTF8.self) }
    }

    /// Every field in the order received, names as sent.
    package var list: [(name: String, value: String)] {
        slices.map { slice in
            (String(decoding: bytes[slice.name], as: UTF8.self), String(decoding: bytes[slice.value], as: UTF8.self))
        }
    }

    /// True where one of the comma-separated members of the fields called `name` is `token`, in any case of letters.
    package func has(_ token: String, in name: String) -> Bool {
        for slice in slices where ASCII.equals(bytes, slice.name, name) {
            if HTTPFields.members(bytes, slice.value).contains(where: { ASCII.equals(bytes, $0, token) }) {
                return true
            }
        }
        return false
    }

    /// The first value of the media type field, without parameters and in lower case: `application/json`.
    package var contentType: String? {
        guard let value = self["content-type"] else { return nil }
        let type = value.utf8.prefix { $0 != UInt8(ascii: ";") }
        let bytes = type.map(ASCII.lowercased)
        return String(decoding: bytes[ASCII.trimmed(bytes, 0..<bytes.count)], as: UTF8.self)
    }

    /// The members of a comma-separated list, empty ones left out.
    static func members(_ bytes: [UInt8], _ range: Range<Int>) -> [Range<Int>] {
        var members: [Range<Int>] = []
        var start = range.lowerBound
        for index in range.lowerBound...range.upperBound
        where index == range.upperBound || bytes[index] == UInt8(ascii: ",") {
            let member = ASCII.trimmed(bytes, start..<index)
            if !member.isEmpty { members.append(member) }
            start = index + 1
        }
        return members
    }
}
