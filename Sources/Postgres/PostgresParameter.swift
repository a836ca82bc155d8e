internal import CPostgres

/// A value for `$1`, `$2` … of a statement, sent in binary.
package enum PostgresParameter: Sendable, Equatable {
    /// NULL of whatever type the statement expects.
    case null
    case bool(Bool)
    case int2(Int16)
    case int4(Int32)
    case int8(Int64)
    case float8(Double)
    case text(String)
    case bytea([UInt8])
    /// Microseconds since 1970 (UTC).
    case timestamptz(us: Int64)
    case int4Array([Int32])
    case int8Array([Int64])
    case float8Array([Double])
    case textArray([String])
    case byteaArray([[UInt8]])
    /// Microseconds since 1970 (UTC), each.
    case timestamptzArray(us: [Int64])

    var type: PostgresType? {
        switch self {
        case .null: nil
        case .bool: .bool
        case .int2: .int2
        case .int4: .int4
        case .int8: .int8
        case .float8: .float8
        case .text: .text
        case .bytea: .bytea
        case .timestamptz: .timestamptz
        case .int4Array: .int4Array
        case .int8Array: .int8Array
        case .float8Array: .float8Array
        case .textArray: .textArray
        case .byteaArray: .byteaArray
        case .timestamptzArray: .timestamptzArray
        }
    }

    /// Appends the binary form, without its length.
    func encode(into bytes: inout [UInt8]) {
        switch self {
        case .null: break
        case .bool(let value): bytes.append(value ? 1 : 0)
        case .int2(let value): bytes.appendBigEndian(value)
        case .int4(let value): bytes.appendBigEndian(value)
        case .int8(let value): bytes.appendBigEndian(value)
        case .float8(let value): bytes.appendBigEndian(value.bitPattern)
        case .text(let value): bytes.append(contentsOf: value.utf8)
        case .bytea(let value): bytes.append(contentsOf: value)
        case .timestamptz(let us): bytes.appendBigEndian(postgresTime(unixUs: us))
        case .int4Array(let values): Self.encode(values, .int4, &bytes) { $1.appendBigEndian($0) }
        case .int8Array(let values): Self.encode(values, .int8, &bytes) { $1.appendBigEndian($0) }
        case .float8Array(let values): Self.encode(values, .float8, &bytes) { $1.appendBigEndian($0.bitPattern) }
        case .textArray(let values): Self.encode(values, .text, &bytes) { $1.append(contentsOf: $0.utf8) }
        case .byteaArray(let values): Self.encode(values, .bytea, &bytes) { $1.append(contentsOf: $0) }
        case .timestamptzArray(let us):
            Self.encode(us, .timestamptz, &bytes) { $1.appendBigEndian(postgresTime(unixUs: $0)) }
        }
    }

    /// An array of one dimension: dimensions, has-NULL flag, element type, length, lower bound, then each with its length.
    private static func encode<Element>(
        _ values: [Element], _ type: PostgresType, _ bytes: inout [UInt8],
        _ append: (Element, inout [UInt8]) -> Void
    ) {
        bytes.appendBigEndian(Int32(values.isEmpty ? 0 : 1))
        bytes.appendBigEndian(Int32(0))
        bytes.appendBigEndian(type.rawValue)
        if values.isEmpty { return }
        bytes.appendBigEndian(Int32(values.count))
        bytes.appendBigEndian(Int32(1))
        for value in values {
            let lengthAt = bytes.count
            bytes.appendBigEndian(Int32(0))
            append(value, &bytes)
            bytes.setLength(at: lengthAt)
        }
    }
}

extension [UInt8] {
    /// Writes the number of bytes that follow the four at `index` into those four.
    mutating func setLength(at index: Int) {
        let length = UInt32(count - index - 4)
        for byte in 0..<4 { self[index + byte] = UInt8(truncatingIfNeeded: length >> (24 - 8 * UInt32(byte))) }
    }
}

/// The parameters of one statement as libpq wants them.
struct EncodedParameters {
    private(set) var types: [Oid] = []
    private var bytes: [UInt8] = []
    private var places: [(offset: Int?, length: Int)] = []

    init(_ parameters: [PostgresParameter]) {
        types.reserveCapacity(parameters.count)
        places.reserveCapacity(parameters.count)
        for parameter in parameters {
            types.append(parameter.type?.rawValue ?? 0)
            let offset = bytes.count
            parameter.encode(into: &bytes)
            places.append((parameter == .null ? nil : offset, bytes.count - offset))
        }
        bytes.append(0)  // so that an empty text has an address, too: libpq takes nil for NULL
    }

    /// Lends count, values, lengths and formats to `body`.
    func withRaw<Result>(
        _ body: (CInt, UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<CInt>?, UnsafePointer<CInt>?) -> Result
    ) -> Result {
        bytes.withUnsafeBytes { raw in
            let start = raw.baseAddress?.assumingMemoryBound(to: CChar.self)
            let values = places.map { place in place.offset.flatMap { start?.advanced(by: $0) } }
            let lengths = places.map { CInt($0.length) }
            let formats = [CInt](repeating: 1, count: places.count)
            return body(CInt(places.count), values, lengths, formats)
        }
    }
}
