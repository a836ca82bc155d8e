internal import CPostgres

/// The rows that a statement returned, all in memory; freed with this value.
///
/// Rows and columns count from 0. The readers throw `.wrongType`, naming the column, where the value is NULL (look at
/// `isNull` first) or the column is of another type. A row or column that does not exist is a mistake of the caller.
// Safety: libpq never changes a result after it was made, so it may be read from any thread; ~Copyable lets only one owner
// free it. The thread sanitizer would see a write.
package struct QueryResult: ~Copyable, @unchecked Sendable {
    private let raw: OpaquePointer
    private let operation: StaticString

    init(adopting raw: OpaquePointer, _ operation: StaticString) {
        self.raw = raw
        self.operation = operation
    }

    deinit { PQclear(raw) }

    /// Rows that were returned.
    package var rowCount: Int { Int(PQntuples(raw)) }
    /// Columns of each row.
    package var columnCount: Int { Int(PQnfields(raw)) }

    /// Rows that INSERT, UPDATE, DELETE, MERGE, SELECT or COPY touched; 0 for others.
    package var affectedRows: Int { Int(String(cString: PQcmdTuples(raw))) ?? 0 }

    /// What was done, such as `INSERT 0 1` or `ROLLBACK`.
    package var commandTag: String { String(cString: PQcmdStatus(raw)) }

    /// Whether this answers the beginning of a COPY from us, or to us.
    var isCopyIn: Bool { PQresultStatus(raw) == PGRES_COPY_IN }
    var isCopyOut: Bool { PQresultStatus(raw) == PGRES_COPY_OUT }

    /// The column of that name, as the result spells it; nil where there is none.
    package func column(_ name: String) -> Int? {
        let number = (0..<columnCount).first { PQfname(raw, CInt($0)).map { String(cString: $0) } == name }
        return number
    }

    /// Whether the value is NULL.
    package func isNull(_ row: Int, _ column: Int) -> Bool {
        check(row, column)
        return PQgetisnull(raw, CInt(row), CInt(column)) == 1
    }

    /// A bool column.
    package func bool(_ row: Int, _ column: Int) throws(PostgresError) -> Bool {
        try value(row, column, "bool", [.bool])[0] != 0
    }

    /// An int2, int4 or int8 (or oid) column.
    package func integer(_ row: Int, _ column: Int) throws(PostgresError) -> Int64 {
        let bytes = try value(row, column, "an integer", [.int8, .int4, .int2, .oid])
        return switch bytes.count {
        case 8: Int64(bigEndian: bytes.loadUnaligned(as: Int64.self))
        case 4 where type(column) == .oid: Int64(UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self)))
        case 4: Int64(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self)))
        default: Int64(Int16(bigEndian: bytes.loadUnaligned(as: Int16.self)))
        }
    }

    /// A float8 or float4 column.
    package func float8(_ row: Int, _ column: Int) throws(PostgresError) -> Double {
        let bytes = try value(row, column, "a float", [.float8, .float4])
        return bytes.count == 8
            ? Double(bitPattern: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)))
            : Double(Float(bitPattern: UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self))))
    }

    /// A text, varchar, name or json column.
    package func text(_ row: Int, _ column: Int) throws(PostgresError) -> String {
        let bytes = try value(row, column, "text", [.text, .varchar, .name, .json, .unknown])
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A bytea column, copied.
    package func bytea(_ row: Int, _ column: Int) throws(PostgresError) -> [UInt8] {
        [UInt8](try value(row, column, "bytea", [.bytea]))
    }

    /// Lends a bytea's bytes to `body` without a copy.
    ///
    /// - Returns: what `body` returns.
    /// - Throws: `.wrongType`.
    package func withBytea<Result>(
        _ row: Int, _ column: Int, _ body: (RawSpan) -> Result
    ) throws(PostgresError) -> Result {
        body(try value(row, column, "bytea", [.bytea]).bytes)
    }

    /// Lends a bytea's bytes to `body` without a copy, as what decoders read.
    ///
    /// - Returns: what `body` returns.
    /// - Throws: `.wrongType`.
    package func withBytes<Result>(
        _ row: Int, _ column: Int, _ body: (Span<UInt8>) -> Result
    ) throws(PostgresError) -> Result {
        let bytes = try value(row, column, "bytea", [.bytea])
        return bytes.withMemoryRebound(to: UInt8.self) { body($0.span) }
    }

    /// Microseconds since 1970 (UTC); `Int64.max` and `.min` for `infinity` and `-infinity`.
    package func timestamptzUs(_ row: Int, _ column: Int) throws(PostgresError) -> Int64 {
        let bytes = try value(row, column, "timestamptz", [.timestamptz])
        return unixTime(postgresUs: Int64(bigEndian: bytes.loadUnaligned(as: Int64.self)))
    }

    /// An int4[] column of one dimension without NULLs.
    package func int4Array(_ row: Int, _ column: Int) throws(PostgresError) -> [Int32] {
        try array(row, column, "int4[]", .int4Array) { Int32(bigEndian: $0.loadUnaligned(as: Int32.self)) }
    }

    /// An int8[] column of one dimension without NULLs.
    package func int8Array(_ row: Int, _ column: Int) throws(PostgresError) -> [Int64] {
        try array(row, column, "int8[]", .int8Array) { Int64(bigEndian: $0.loadUnaligned(as: Int64.self)) }
    }

    /// A float8[] column of one dimension without NULLs.
    package func float8Array(_ row: Int, _ column: Int) throws(PostgresError) -> [Double] {
        try array(row, column, "float8[]", .float8Array) {
            Double(bitPattern: UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)))
        }
    }

    /// A text[] column of one dimension without NULLs.
    package func textArray(_ row: Int, _ column: Int) throws(PostgresError) -> [String] {
        try array(row, column, "text[]", .textArray) { String(decoding: $0, as: UTF8.self) }
    }

    /// A bytea[] column of one dimension without NULLs.
    package func byteaArray(_ row: Int, _ column: Int) throws(PostgresError) -> [[UInt8]] {
        try array(row, column, "bytea[]", .byteaArray) { [UInt8]($0) }
    }

    /// Microseconds since 1970 (UTC), each.
    package func timestamptzArrayUs(_ row: Int, _ column: Int) throws(PostgresError) -> [Int64] {
        try array(row, column, "timestamptz[]", .timestamptzArray) {
            unixTime(postgresUs: Int64(bigEndian: $0.loadUnaligned(as: Int64.self)))
        }
    }

    /// Whether two rows have the very same bytes in a column, or both NULL; cheaper than reading both.
    package func isSame(_ row: Int, as other: Int, _ column: Int) -> Bool {
        check(row, column)
        check(other, column)
        let (a, b) = (PQgetlength(raw, CInt(row), CInt(column)), PQgetlength(raw, CInt(other), CInt(column)))
        guard a == b, isNull(row, column) == isNull(other, column),
            let left = PQgetvalue(raw, CInt(row), CInt(column)), let right = PQgetvalue(raw, CInt(other), CInt(column))
        else { return false }
        return UnsafeRawBufferPointer(start: left, count: Int(a)).elementsEqual(
            UnsafeRawBufferPointer(start: right, count: Int(b)))
    }

    // MARK: Raw values

    private func check(_ row: Int, _ column: Int) {
        precondition(
            0..<rowCount ~= row && 0..<columnCount ~= column,
            "\(operation) has no row \(row), column \(column), but \(rowCount) rows of \(columnCount) columns")
    }

    private func type(_ column: Int) -> PostgresType? { PostgresType(rawValue: PQftype(raw, CInt(column))) }

    private func failure(_ row: Int, _ column: Int, _ detail: String) -> PostgresError {
        let name = PQfname(raw, CInt(column)).map { String(cString: $0) } ?? "\(column)"
        return PostgresError(.wrongType, operation, "row \(row), column \(name): \(detail)")
    }

    private func value(
        _ row: Int, _ column: Int, _ wanted: StaticString, _ types: [PostgresType]
    ) throws(PostgresError) -> UnsafeRawBufferPointer {
        check(row, column)
        guard let type = type(column), types.contains(type) else {
            throw failure(row, column, "is of type number \(PQftype(raw, CInt(column))), not \(wanted)")
        }
        guard !isNull(row, column) else { throw failure(row, column, "is NULL") }
        let length = Int(PQgetlength(raw, CInt(row), CInt(column)))
        return UnsafeRawBufferPointer(start: PQgetvalue(raw, CInt(row), CInt(column)), count: length)
    }

    private func array<Element>(
        _ row: Int, _ column: Int, _ wanted: StaticString, _ type: PostgresType,
        _ decode: (UnsafeRawBufferPointer) -> Element
    ) throws(PostgresError) -> [Element] {
        let bytes = try value(row, column, wanted, [type])
        func int(_ offset: Int) -> Int {
            Int(Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self)))
        }
        let dimensions = int(0)
        if dimensions == 0 { return [] }
        guard dimensions == 1 else { throw failure(row, column, "has \(dimensions) dimensions") }
        let count = int(12)
        var elements: [Element] = []
        elements.reserveCapacity(count)
        var offset = 20
        for _ in 0..<count {
            let length = int(offset)
            guard length >= 0 else { throw failure(row, column, "holds a NULL") }
            elements.append(decode(UnsafeRawBufferPointer(rebasing: bytes[(offset + 4)..<(offset + 4 + length)])))
            offset += 4 + length
        }
        return elements
    }
}
