internal import Analytics
internal import Postgres
internal import Wire

/// The numbers of series in PostgreSQL, remembered once they are committed; used by one pass alone.
final class SeriesNumbers {
    /// A metric and its labels, equal where their bytes are, as for PostgreSQL; Swift's texts are equal in more cases.
    private struct Name: Hashable {
        let metric: String
        let labels: LabelSet

        init(_ row: MinuteRow) {
            metric = row.metric
            labels = row.labels
        }

        static func == (a: Name, b: Name) -> Bool {
            a.metric.utf8.elementsEqual(b.metric.utf8) && a.labels.labels.count == b.labels.labels.count
                && zip(a.labels.labels, b.labels.labels).allSatisfy { a, b in
                    a.name.utf8.elementsEqual(b.name.utf8) && a.value.utf8.elementsEqual(b.value.utf8)
                }
        }

        func hash(into hasher: inout Hasher) {
            Self.hash(metric, into: &hasher)
            for label in labels.labels {
                Self.hash(label.name, into: &hasher)
                Self.hash(label.value, into: &hasher)
            }
        }

        private static func hash(_ text: String, into hasher: inout Hasher) {
            for byte in text.utf8 { hasher.combine(byte) }
            hasher.combine(UInt8(0xFF))
        }
    }

    private static let maxCount = 200_000

    private let connection: PostgresConnection
    private var numbers: [Name: Int32] = [:]
    /// Of the transaction that is under way: gone if it is rolled back.
    private var uncommitted: [Name: Int32] = [:]

    init(_ connection: PostgresConnection) { self.connection = connection }

    /// The number of a row's series; `number` was told of the row.
    subscript(row: MinuteRow) -> Int32 {
        get throws(StoreError) {
            let name = Name(row)
            if let number = numbers[name] ?? uncommitted[name] { return number }
            throw Self.missing(1)
        }
    }

    /// Finds or makes the numbers of the rows' series, in the transaction that is open.
    func number(_ rows: [MinuteRow]) async throws {
        uncommitted = [:]
        if numbers.count > Self.maxCount { numbers = [:] }
        var missing = Array(Set(rows.map(Name.init)).filter { numbers[$0] == nil })
        try await find(&missing)
        guard !missing.isEmpty else { return }
        // Only what is missing is inserted: a conflict would use up a number.
        _ = try await connection.query(Statement.addSeries, Self.parameters(missing), operation: "add series")
        try await find(&missing)
        guard missing.isEmpty else { throw Self.missing(missing.count) }
    }

    /// The transaction was committed.
    func committed() {
        numbers.merge(uncommitted) { $1 }
        uncommitted = [:]
    }

    /// Leaves in `names` what does not exist.
    private func find(_ names: inout [Name]) async throws {
        if names.isEmpty { return }
        let found = try await connection.query(
            Statement.seriesIDs, Self.parameters(names), operation: "find series")
        for row in 0..<found.rowCount {
            uncommitted[names[Int(try found.integer(row, 0)) - 1]] = Int32(try found.integer(row, 1))
        }
        names = names.filter { uncommitted[$0] == nil }
    }

    private static func parameters(_ names: [Name]) -> [PostgresParameter] {
        let labels = names.map { name in
            var json: [UInt8] = []
            SeriesKeyJSON.append(name.labels, to: &json)
            return String(decoding: json, as: UTF8.self)
        }
        return [.textArray(names.map(\.metric)), .textArray(labels)]
    }

    private static func missing(_ count: Int) -> StoreError {
        StoreError(
            .incompatible, store: "postgres", operation: "find series", detail: "\(count) series have no number")
    }
}
