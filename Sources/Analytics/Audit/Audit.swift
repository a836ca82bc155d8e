/// The books set against each other and against what was counted: whether every event that was accepted is accounted for.
///
/// Three independent things must agree in each partition. The books: what was put on the log is applied, late, refused, or
/// waits. The log: Redis itself counts the entries ever added. The numbers: the built-in metric `events`, counted like any
/// other and read from the tiers like any other, is as many as were applied.
package struct Audit: Sendable, Equatable {
    /// One hour of receipt in one partition.
    package struct Hour: Sendable, Equatable {
        /// Its start, ms since 1970.
        package let atMs: Int64
        package let partition: Int
        package let books: EventBooks
        /// Events of that hour by their own time that history holds; nil where it could not be asked.
        package let compacted: Int?
        package let isBalanced: Bool
    }

    /// One partition since it began.
    package struct Partition: Sendable, Equatable {
        package let number: Int
        package let books: PartitionBooks
        /// Events that history counts before the boundary; nil where it could not be asked.
        package let history: Int?
        /// What does not agree, for people; empty where all that is known does.
        package let problems: [String]

        package var isBalanced: Bool { problems.isEmpty }
    }

    /// By time, then partition.
    package let hours: [Hour]
    package let partitions: [Partition]

    package var isBalanced: Bool { partitions.allSatisfy(\.isBalanced) && hours.allSatisfy(\.isBalanced) }
    /// Time of the newest event applied, ms since 1970.
    package var asOfMs: Int64 { partitions.map(\.books.state.newestMs).max() ?? 0 }

    /// Sets them against each other.
    ///
    /// - Parameters:
    ///   - books: of the partitions, in order.
    ///   - history: of the same partitions, before the boundary of each; nil where it could not be asked.
    ///   - byHour: what history holds of the hours asked for; nil where it could not be asked.
    package init(_ books: [PartitionBooks], history: [HistoryCount]?, byHour: [HistoryHour]?) {
        partitions = books.enumerated().map { number, books in
            let history = history?[number]
            return Partition(
                number: number, books: books, history: history?.events,
                problems: Self.problems(books) + Self.problems(books, history))
        }
        var compacted: [Int64: [Int: Int]] = [:]
        for hour in byHour ?? [] { compacted[hour.hourMs, default: [:]][hour.partition, default: 0] += hour.events }
        let times = Set(books.flatMap(\.hours.keys)).union(compacted.keys).sorted()
        hours = times.flatMap { atMs in
            books.enumerated().compactMap { number, partition in
                let held = partition.hours[atMs]
                let inHistory = compacted[atMs]?[number]
                if held == nil, inHistory == nil { return nil }
                let hour = held ?? EventBooks()
                return Hour(
                    atMs: atMs, partition: number, books: hour, compacted: byHour == nil ? nil : inHistory ?? 0,
                    isBalanced: Self.balances(hour, waiting: partition.waiting))
            }
        }
    }

    /// Which hour the waiting events belong to is not known before they are read, so any may lack as many.
    private static func balances(_ hour: EventBooks, waiting: Int) -> Bool {
        hour.missing == 0 && (0...max(waiting, 0)).contains(hour.appended - hour.settled)
    }

    private static func problems(_ books: PartitionBooks) -> [String] {
        var problems: [String] = []
        let totals = books.totals
        if totals.missing > 0 {
            problems.append("\(totals.missing) events that fronts appended were not found on the log")
        }
        let left = totals.appended - books.waiting - totals.missing - totals.settled
        if left != 0 { problems.append("the books differ from themselves by \(left) events") }
        if books.waiting < 0 { problems.append("\(-books.waiting) more events were read than fronts appended") }
        let entries = books.entries
        if entries.missing > 0 {
            problems.append("\(entries.missing) entries were trimmed or deleted by others before they were applied")
        } else if entries.missing < 0 {
            problems.append("\(-entries.missing) more entries were applied than the log says were added")
        } else if entries.waiting == 0, books.waiting > 0 {
            problems.append("\(books.waiting) events of fronts wait, and no entry that could hold them")
        }
        return problems
    }

    private static func problems(_ books: PartitionBooks, _ history: HistoryCount?) -> [String] {
        guard let history else { return [] }
        if history.cursor > books.state.cursor {
            return [
                "history was written up to \(history.cursor), which lies after the cursor \(books.state.cursor): "
                    + "Redis has lost data"
            ]
        }
        guard let recent = books.recent else { return [] }
        let counted = recent.total + history.events
        if counted == books.totals.applied { return [] }
        return ["\(books.totals.applied) events were applied, and \(counted) are counted in the metric events"]
    }
}
