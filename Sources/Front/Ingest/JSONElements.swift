/// The elements of a JSON array, or the one object there is, as ranges of a body; what is in them is not looked at.
struct JSONElements {
    /// How many have been given out.
    private(set) var count = 0
    /// Why there are no more, where it is not the end.
    private(set) var error: String?
    private var place = 0
    /// False where one value stands alone.
    let isArray: Bool
    private var isDone = false

    init(_ bytes: Span<UInt8>) {
        while place < bytes.count, Self.isBlank(bytes[place]) { place += 1 }
        isArray = place < bytes.count && bytes[place] == UInt8(ascii: "[")
        if isArray { place += 1 }
    }

    mutating func next(_ bytes: Span<UInt8>) -> Range<Int>? {
        guard !isDone else { return nil }
        guard isArray else {
            isDone = true
            count = 1
            return place..<bytes.count
        }
        while place < bytes.count, Self.isBlank(bytes[place]) { place += 1 }
        if place < bytes.count, bytes[place] == UInt8(ascii: "]"), count == 0 {
            finish(bytes, after: place + 1)
            return nil
        }
        let start = place
        var depth = 0
        var isInText = false
        while place < bytes.count {
            let byte = bytes[place]
            if isInText {
                if byte == UInt8(ascii: "\\") { place += 1 } else if byte == UInt8(ascii: "\"") { isInText = false }
            } else {
                switch byte {
                case UInt8(ascii: "\""): isInText = true
                case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                case UInt8(ascii: "}"): depth -= 1
                case UInt8(ascii: "]") where depth == 0:
                    finish(bytes, after: place + 1)
                    count += 1
                    return start..<place
                case UInt8(ascii: "]"): depth -= 1
                case UInt8(ascii: ",") where depth == 0:
                    count += 1
                    place += 1
                    return start..<place - 1
                default: break
                }
            }
            place += 1
        }
        isDone = true
        error = "the array is not closed: ] is missing; nothing after this was read"
        return nil
    }

    private mutating func finish(_ bytes: Span<UInt8>, after end: Int) {
        isDone = true
        for place in end..<bytes.count where !Self.isBlank(bytes[place]) {
            error = "something follows the end of the array"
            return
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }
}
