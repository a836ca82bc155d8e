/// Checks UTF-8 that arrives in pieces: says at the first byte that cannot be right, whatever the cut.
package struct UTF8Validator: Sendable {
    /// Continuation bytes still due, and the range the next one must lie in.
    private var due = 0
    private var next: ClosedRange<UInt8> = 0x80...0xBF

    package init() {}

    /// True where everything so far is whole characters.
    package var isComplete: Bool { due == 0 }

    /// Takes `bytes`; false as soon as the text cannot be UTF-8 any more (and then for good by the caller).
    package mutating func take(_ bytes: ArraySlice<UInt8>) -> Bool {
        for byte in bytes {
            if due == 0 {
                if byte < 0x80 { continue }
                switch byte {
                case 0xC2...0xDF: (due, next) = (1, 0x80...0xBF)
                case 0xE0: (due, next) = (2, 0xA0...0xBF)
                case 0xED: (due, next) = (2, 0x80...0x9F)
                case 0xE1...0xEF: (due, next) = (2, 0x80...0xBF)
                case 0xF0: (due, next) = (3, 0x90...0xBF)
                case 0xF1...0xF3: (due, next) = (3, 0x80...0xBF)
                case 0xF4: (due, next) = (3, 0x80...0x8F)
                default: return false
                }
            } else {
                guard next.contains(byte) else { return false }
                (due, next) = (due - 1, 0x80...0xBF)
            }
        }
        return true
    }
}
