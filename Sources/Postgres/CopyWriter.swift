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
    /// What is encoded stands in the first `used` bytes. Its length stays, so that a number is one store: rows are written by the million.
    private var buffer = [UInt8](repeating: 0, count: CopyWriter.bytesPerSend + 4096)
    private var used = 0
    private var fieldsMissing = 0
    /// Rows that were ended so far.
    package private(set) var rowCount = 0

    private static let bytesPerSend = 64 << 10

    init(_ connection: PostgresConnection) {
        self.connection = connection
        for byte in "PGCOPY\n".utf8 { store(byte) }
        for byte: UInt8 in [0xff, 0x0d, 0x0a, 0] { store(byte) }
        store(Int32(0))  // no flags
        store(Int32(0))  // no header extension
    }

    /// Begins a row that gets exactly `columns` fields, in the order of the COPY's column list.
    package mutating func beginRow(columns: Int) {
        precondition(fieldsMissing == 0, "the row before lacks \(fieldsMissing) fields")
        fieldsMissing = columns
        store(Int16(columns))
    }

    /// Ends the row; waits for the server where it is slower than we are.
    ///
    /// - Throws: `.disconnected`, `.timedOut`, `.cancelled`. What the server thinks of the rows is known at the end of the COPY.
    package mutating func endRow() async throws(PostgresError) {
        if endedRow() { try await send() }
    }

    /// Ends the row, without a call that may suspend for each; true where it is time for `send`.
    package mutating func endedRow() -> Bool {
        precondition(fieldsMissing == 0, "the row lacks \(fieldsMissing) fields")
        rowCount += 1
        return used >= Self.bytesPerSend
    }

    /// The field is NULL.
    package mutating func null() { begin(length: -1) }

    /// A bool field.
    package mutating func bool(_ value: Bool) {
        begin(length: 1)
        store(UInt8(value ? 1 : 0))
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
        var value = value
        value.withUTF8 { bytes in
            begin(length: Int32(bytes.count))
            store(UnsafeRawBufferPointer(bytes))
        }
    }

    /// A bytea field.
    package mutating func bytea(_ value: [UInt8]) { bytea(value.span.bytes) }

    /// A bytea field of bytes that stand among others.
    package mutating func bytea(_ value: borrowing Span<UInt8>) { bytea(value.bytes) }

    /// A bytea field, wherever its bytes are.
    package mutating func bytea(_ value: borrowing RawSpan) {
        begin(length: Int32(value.byteCount))
        value.withUnsafeBytes { store($0) }
    }

    /// A jsonb field, from the JSON's text.
    package mutating func jsonb(_ text: [UInt8]) {
        begin(length: Int32(text.count + 1))
        store(UInt8(1))  // the version of jsonb's binary form
        text.withUnsafeBytes { store($0) }
    }

    /// A field of any type that parameters have, arrays included.
    package mutating func value(_ value: PostgresParameter) {
        guard value != .null else { return null() }
        var bytes: [UInt8] = []
        value.encode(into: &bytes)
        begin(length: Int32(bytes.count))
        bytes.withUnsafeBytes { store($0) }
    }

    /// Sends the rest, and the mark that ends the rows.
    mutating func finish() async throws(PostgresError) {
        precondition(fieldsMissing == 0, "the last row lacks \(fieldsMissing) fields")
        store(Int16(-1))
        try await send()
    }

    private mutating func number(_ value: some FixedWidthInteger) {
        begin(length: Int32(value.bitWidth / 8))
        store(value)
    }

    private mutating func begin(length: Int32) {
        precondition(fieldsMissing > 0, "more fields than the row has columns")
        fieldsMissing -= 1
        store(length)
    }

    private mutating func store(_ value: some FixedWidthInteger) {
        reserve(value.bitWidth / 8)
        buffer.withUnsafeMutableBytes { $0.storeBytes(of: value.bigEndian, toByteOffset: used, as: type(of: value)) }
        used += value.bitWidth / 8
    }

    private mutating func store(_ bytes: UnsafeRawBufferPointer) {
        reserve(bytes.count)
        buffer.withUnsafeMutableBytes { UnsafeMutableRawBufferPointer(rebasing: $0[used...]).copyMemory(from: bytes) }
        used += bytes.count
    }

    private mutating func reserve(_ count: Int) {
        if used + count > buffer.count {
            buffer.append(contentsOf: repeatElement(0, count: max(buffer.count, count)))
        }
    }

    /// Sends what is encoded; waits for the server where it is slower than we are.
    ///
    /// - Throws: as `endRow`.
    package mutating func send() async throws(PostgresError) {
        try await connection.putCopyData(buffer, count: used)
        used = 0
    }
}
