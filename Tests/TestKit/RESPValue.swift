/// A reply of Redis.
package enum RESPValue: Sendable, Hashable {
    case text(String)
    case integer(Int64)
    case array([RESPValue])
    case error(String)
    case null

    /// The text of a string or status, or of an integer.
    package var string: String? {
        switch self {
        case .text(let text): text
        case .integer(let number): String(number)
        default: nil
        }
    }

    package var int: Int? {
        switch self {
        case .integer(let number): Int(number)
        case .text(let text): Int(text)
        default: nil
        }
    }

    package var array: [RESPValue]? {
        guard case .array(let items) = self else { return nil }
        return items
    }

    /// A flat array of names and values, as HGETALL and XINFO answer it.
    package var dictionary: [String: RESPValue]? {
        guard let array, array.count.isMultiple(of: 2) else { return nil }
        let pairs = stride(from: 0, to: array.count, by: 2).map { (array[$0].string ?? "", array[$0 + 1]) }
        return Dictionary(pairs, uniquingKeysWith: { $1 })
    }
}
