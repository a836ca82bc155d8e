internal import Analytics
internal import Postgres
internal import Wire

/// The numbers of series in PostgreSQL, remembered once they are committed; used by one pass alone.
final class SeriesNumbers {
    /// A metric and its labels, equal where their bytes are, as for PostgreSQL; Swift's texts are equal in more cases.
    private struct Name: Hashable {
        let metric: String
        let labels: LabelSet

        init(_ origin: MinuteRows.Origin) {
            metric = origin.metric
            labels = origin.labels
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

    /// Some 25 MB.
    private static let maxCount = 500_000

    private let connection: PostgresConnection
    private var numbers: [MinuteRows.Slot: Int32] = [:]
    /// Of the transaction that is under way: gone if it is rolled back.
    private var uncommitted: [MinuteRows.Slot: Int32] = [:]

    init(_ connection: PostgresConnection) { self.connection = connection }

    /// Finds or makes the numbers of the series of the rows' origins, in the transaction that is open; in their order.
    func numbers(of rows: MinuteRows) async throws -> [Int32] {
        try await number(rows)
        return try rows.origins.map { origin throws(StoreError) in
            guard let number = numbers[origin.slot] ?? uncommitted[origin.slot] else { throw Self.missing(1) }
            return number
        }
    }

    private func number(_ rows: MinuteRows) async throws {
        uncommitted = [:]
        if numbers.count > Self.maxCount { numbers = [:] }
        var names: [MinuteRows.Slot: Name] = [:]
        for origin in rows.origins where numbers[origin.slot] == nil && names[origin.slot] == nil {
            names[origin.slot] = Name(origin)
        }
        if names.isEmpty { return }
        let wanted = Set(names.values)
        var found: [Name: Int32] = [:]
        try await find(Array(wanted), &found)
        let missing = wanted.filter { found[$0] == nil }
        if !missing.isEmpty {
            // Only what is missing is inserted: a conflict would use up a number.
            _ = try await connection.query(
                Statement.addSeries, Self.parameters(Array(missing)), operation: "add series")
            try await find(Array(missing), &found)
        }
        for (slot, name) in names {
            guard let number = found[name] else { throw Self.missing(missing.count) }
            uncommitted[slot] = number
        }
    }

    /// The transaction was committed.
    func committed() {
        numbers.merge(uncommitted) { $1 }
        uncommitted = [:]
    }

    private func find(_ names: [Name], _ numbers: inout [Name: Int32]) async throws {
        let found = try await connection.query(
            Statement.seriesIDs, Self.parameters(names), operation: "find series")
        for row in 0..<found.rowCount {
            numbers[names[Int(try found.integer(row, 0)) - 1]] = Int32(try found.integer(row, 1))
        }
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
