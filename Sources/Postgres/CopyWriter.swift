/// Encodes the rows of a `COPY … FROM STDIN (FORMAT binary)`, field by field, and sends them 64 KiB at a time.
///
/// ```
/// writer.beginRow(columns: 2)
/// writer.int8(7)
/// writer.text("checkout")
/// try await writer.endRow()
/// ```
/// The types have to be the columns' own: binary COPY converts nothing. Memory stays at some 200 KiB, as `endRow` waits until
/// the system has taken what was encoded.
package struct CopyWriter: ~Copyable {
    private let connection: PostgresConnection
    private var buffer: [UInt8] = []
    private var fieldsMissing = 0
    /// Rows that were ended so far.
    package private(set) var rowCount = 0

    private static let bytesPerSend = 64 << 10

    init(_ connection: PostgresConnection) {
        self.connection = connection
        buffer.reserveCapacity(Self.bytesPerSend + 4096)
        buffer.append(contentsOf: "PGCOPY\n".utf8)
        buffer.append(contentsOf: [0xff, 0x0d, 0x0a, 0])
        buffer.appendBigEndian(Int32(0))  // no flags
        buffer.appendBigEndian(Int32(0))  // no header extension
    }

    /// Begins a row that gets exactly `columns` fields, in the order of the COPY's column list.
    package mutating func beginRow(columns: Int) {
        precondition(fieldsMissing == 0, "the row before lacks \(fieldsMissing) fields")
        fieldsMissing = columns
        buffer.appendBigEndian(Int16(columns))
    }

    /// Ends the row; waits for the server where it is slower than we are.
    ///
    /// - Throws: `.disconnected`, `.timedOut`, `.cancelled`. What the server thinks of the rows is known at the end of the COPY.
    package mutating func endRow() async throws(PostgresError) {
        precondition(fieldsMissing == 0, "the row lacks \(fieldsMissing) fields")
        rowCount += 1
        if buffer.count >= Self.bytesPerSend { try await send() }
    }

    /// The field is NULL.
    package mutating func null() { begin(length: -1) }

    /// A bool field.
    package mutating func bool(_ value: Bool) {
        begin(length: 1)
        buffer.append(value ? 1 : 0)
    }

    /// An int2 field.
    package mutating func int2(_ value: Int16) { number(value) }

    /// An int4 field.
    package mutating func int4(_ value: Int32) { number(value) }

    /// An int8 field.
    package mutating func int8(_ value: Int64) { number(value) }

    /// A float8 field.
    package mutating func float8(_ value: Double) { number(value.bitPattern) }

    /// A timestamptz field; microseconds since 1970 (UTC).
    package mutating func timestamptz(us: Int64) { number(postgresTime(unixUs: us)) }

    /// A text field.
    package mutating func text(_ value: String) {
        begin(length: Int32(value.utf8.count))
        buffer.append(contentsOf: value.utf8)
    }

    /// A bytea field.
    package mutating func bytea(_ value: [UInt8]) { bytea(value.span.bytes) }

    /// A bytea field, wherever its bytes are.
    package mutating func bytea(_ value: borrowing RawSpan) {
        begin(length: Int32(value.byteCount))
        value.withUnsafeBytes { buffer.append(contentsOf: $0) }
    }

    /// A jsonb field, from the JSON's text.
    package mutating func jsonb(_ text: [UInt8]) {
        begin(length: Int32(text.count + 1))
        buffer.append(1)  // the version of jsonb's binary form
        buffer.append(contentsOf: text)
    }

    /// A field of any type that parameters have, arrays included.
    package mutating func value(_ value: PostgresParameter) {
        guard value != .null else { return null() }
        let lengthAt = buffer.count
        begin(length: 0)
        value.encode(into: &buffer)
        buffer.setLength(at: lengthAt)
    }

    /// Sends the rest, and the mark that ends the rows.
    mutating func finish() async throws(PostgresError) {
        precondition(fieldsMissing == 0, "the last row lacks \(fieldsMissing) fields")
        buffer.appendBigEndian(Int16(-1))
        try await send()
    }

    private mutating func number(_ value: some FixedWidthInteger) {
        begin(length: Int32(value.bitWidth / 8))
        buffer.appendBigEndian(value)
    }

    private mutating func begin(length: Int32) {
        precondition(fieldsMissing > 0, "more fields than the row has columns")
        fieldsMissing -= 1
        buffer.appendBigEndian(length)
    }

    private mutating func send() async throws(PostgresError) {
        try await connection.putCopyData(buffer)
        buffer.removeAll(keepingCapacity: true)
    }
}
