internal import Analytics
internal import Postgres

/// Makes hours of minutes and days of hours; used by one pass alone, in the transaction that is open.
///
/// Merging is Swift's: SQL would need some 5 us for every bin of every sketch. What is read at once is bounded by the number of
/// series, of which a dense HyperLogLog a minute is the worst case: 100 x 60 x 12 KiB.
final class RollUp {
    /// Series of one bucket.
    typealias Touched = [Int64: Set<Int32>]

    /// What becomes of what.
    private struct Level {
        let resolution: HistoryResolution
        /// Of what it is made.
        let source: HistoryResolution
        let read: String
        let copy: String
        let merge: String
        let clear: String

        static let hour = Level(
            resolution: .hour, source: .minute, read: Statement.minutesToRollUp, copy: Statement.copyHours,
            merge: Statement.mergeHours,
            clear: Statement.clearHours)
        static let day = Level(
            resolution: .day, source: .hour, read: Statement.hoursToRollUp, copy: Statement.copyDays,
            merge: Statement.mergeDays,
            clear: Statement.clearDays)
    }

    private static let seriesPerRead = 100
    private static let timeout = Duration.seconds(300)

    private let connection: PostgresConnection
    private var hasStages = false
    private var madeStages = false

    init(_ connection: PostgresConnection) { self.connection = connection }

    /// A transaction begins; whatever the one before it made and did not commit is gone.
    func began() { madeStages = false }

    /// The transaction was committed.
    func committed() {
        if madeStages { hasStages = true }
        madeStages = false
    }

    /// Rolls up anew what `rows` before `beforeMs` have changed of hours and days that were rolled up before; `numbers` are the series of
    /// their origins.
    func repair(
        _ rows: MinuteRows, beforeMs: Int64, numbers: [Int32], partition: Int, _ until: RolledUp
    ) async throws {
        var hours: Touched = [:]
        var days: Touched = [:]
        // The next row is nearly always of the same series and hour.
        var (lastHour, lastNumber) = (Int64.min, Int32(-1))
        for index in rows.rows.indices {
            let (minuteMs, number) = (rows.rows[index].minuteMs, numbers[rows.rows[index].origin])
            guard minuteMs < beforeMs && minuteMs < until.hoursMs else { continue }
            let hour = StepLadder.floor(minuteMs, HistoryResolution.hour.ms)
            if hour == lastHour && number == lastNumber { continue }
            (lastHour, lastNumber) = (hour, number)
            hours[hour, default: []].insert(number)
            let day = StepLadder.floor(minuteMs, HistoryResolution.day.ms)
            if day < until.daysMs { days[day, default: []].insert(number) }
        }
        if hours.isEmpty { return }
        try await roll(.hour, hours, partition: partition)
        if !days.isEmpty { try await roll(.day, days, partition: partition) }
    }

    /// Rolls up a whole bucket of a partition: every series that it has.
    func all(of resolution: HistoryResolution, _ bucketMs: Int64, partition: Int) async throws {
        let level = resolution == .day ? Level.day : .hour
        let part = try await part(level, bucketMs)
        try await stage()
        var last: Int32 = -1
        var hasRows = false
        while true {
            let found = try await connection.query(
                Statement.nextSeries, [.int4(last), .int8(Int64(Self.seriesPerRead))], operation: "read series")
            var series: [Int32] = []
            for row in 0..<found.rowCount { series.append(Int32(try found.integer(row, 0))) }
            guard let newest = series.last else { break }
            last = newest
            if try await copy(level, bucketMs, part, series, partition: partition) { hasRows = true }
        }
        if hasRows { try await merge(level) }
        if level.resolution == .hour { try await forgetLabels([bucketMs]) }
    }

    /// Takes a bucket of a partition away and rolls it up anew.
    func again(_ resolution: HistoryResolution, _ bucketMs: Int64, partition: Int) async throws {
        let level = resolution == .day ? Level.day : .hour
        let part = try await part(level, bucketMs)
        _ = try await connection.query(
            level.clear, [.int2(Int16(partition)), .timestamptz(us: bucketMs * 1_000), .int2(part)],
            operation: "clear what was rolled up", timeout: Self.timeout)
        try await all(of: resolution, bucketMs, partition: partition)
    }

    private func roll(_ level: Level, _ touched: Touched, partition: Int) async throws {
        try await stage()
        for (bucketMs, series) in touched.sorted(by: { $0.key < $1.key }) {
            let part = try await part(level, bucketMs)
            var rest = series.sorted()[...]
            while !rest.isEmpty {
                _ = try await copy(
                    level, bucketMs, part, Array(rest.prefix(Self.seriesPerRead)), partition: partition)
                rest = rest.dropFirst(Self.seriesPerRead)
            }
        }
        try await merge(level)
        if level.resolution == .hour { try await forgetLabels(touched.keys.sorted()) }
    }

    /// Takes away what was made of hours that have changed; see `LabelRollUp`.
    private func forgetLabels(_ hoursMs: [Int64]) async throws {
        _ = try await connection.query(
            Statement.forgetLabels, [.timestamptzArray(us: hoursMs.map { $0 * 1_000 })],
            operation: "forget label roll-ups", timeout: Self.timeout)
    }

    private func stage() async throws {
        if hasStages || madeStages { return }
        try await connection.execute(script: Statement.createRollUpStages, operation: "create stages")
        madeStages = true
    }

    /// Puts what some series have in a bucket into the stage; false where they have nothing.
    private func copy(
        _ level: Level, _ bucketMs: Int64, _ part: Int16, _ series: [Int32], partition: Int
    ) async throws -> Bool {
        let endMs = bucketMs + level.resolution.ms
        let found = try await connection.query(
            level.read,
            [
                .int2(Int16(partition)), .int4Array(series), .timestamptz(us: bucketMs * 1_000),
                .timestamptz(us: endMs * 1_000),
            ], operation: "read what to roll up", timeout: Self.timeout)
        if found.rowCount == 0 { return false }
        var merged = Merged()
        for row in 0..<found.rowCount { try merged.add(row, of: found) }
        _ = try await connection.copyIn(level.copy, operation: "copy what was rolled up") { writer in
            for (series, place) in merged.places.sorted(by: { $0.key < $1.key }) {
                let one = merged.parts[place]
                writer.beginRow(columns: 15)
                writer.timestamptz(us: bucketMs * 1_000)
                writer.appendValues(of: AggregateNumbers(one.aggregate), hasHits: one.hasHits)
                writer.int4(series)
                writer.int2(Int16(partition))
                writer.int2(part)
                writer.appendSets(of: one.aggregate)
                try await writer.endRow()
            }
        }
        return true
    }

    /// What a row is made of may be gone already, all but what came later: then that is a part of its own.
    private func part(_ level: Level, _ bucketMs: Int64) async throws -> Int16 {
        let dropped = try await connection.query(
            Statement.rollUpPart, [.text(level.source.rawValue), .timestamptz(us: bucketMs * 1_000)],
            operation: "look for drops")
        return Int16(clamping: try dropped.integer(0, 0))
    }

    private func merge(_ level: Level) async throws {
        _ = try await connection.query(level.merge, operation: "merge what was rolled up", timeout: Self.timeout)
    }
}

/// Rows of one bucket, merged by series.
private struct Merged {
    struct Part {
        var aggregate = Aggregate()
        var hasHits = false
    }

    /// Where a series' part stands in `parts`.
    private(set) var places: [Int32: Int] = [:]
    private(set) var parts: [Part] = []
    /// Of the row before: rows of a series mostly come one behind the other.
    private var last: (series: Int32, place: Int)?

    mutating func add(_ row: Int, of found: borrowing QueryResult) throws {
        let series = Int32(truncatingIfNeeded: try found.integer(row, 0))
        let place: Int
        if let last, last.series == series {
            place = last.place
        } else if let known = places[series] {
            place = known
        } else {
            place = parts.count
            parts.append(Part())
            places[series] = place
        }
        last = (series, place)
        try found.merge(row, into: &parts[place].aggregate)
        if !found.isNull(row, 3) { parts[place].hasHits = true }
    }
}

/// Up to where the minutes of a partition are rolled up, ms since 1970; 0 before the first time.
struct RolledUp: Equatable {
    var hoursMs: Int64 = 0
    var daysMs: Int64 = 0
}
