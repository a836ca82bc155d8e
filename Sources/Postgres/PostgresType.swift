/// The types that we send and read, with their numbers in `pg_type`.
enum PostgresType: UInt32 {
    case bool = 16
    case bytea = 17
    case name = 19
    case int8 = 20
    case int2 = 21
    case int4 = 23
    case text = 25
    case oid = 26
    case json = 114
    case float4 = 700
    case float8 = 701
    case unknown = 705
    case varchar = 1043
    case timestamptz = 1184
    case jsonb = 3802
    case byteaArray = 1001
    case int4Array = 1007
    case textArray = 1009
    case int8Array = 1016
    case float8Array = 1022
    case timestamptzArray = 1185
}

/// PostgreSQL counts time from 2000-01-01, we from 1970-01-01; both in microseconds.
let postgresEpochUs: Int64 = 946_684_800_000_000

/// `infinity` and `-infinity` are the ends of the range on both sides.
func postgresTime(unixUs: Int64) -> Int64 {
    unixUs == .max || unixUs == .min ? unixUs : unixUs - postgresEpochUs
}

func unixTime(postgresUs: Int64) -> Int64 {
    postgresUs == .max || postgresUs == .min ? postgresUs : postgresUs + postgresEpochUs
}

extension [UInt8] {
    /// Appends a number in network byte order.
    mutating func appendBigEndian(_ number: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: number.bigEndian) { append(contentsOf: $0) }
    }
}
