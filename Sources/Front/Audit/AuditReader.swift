package import Analytics
package import Service

/// Puts an audit together from the stores.
package struct AuditReader: Sendable {
    /// A pass of the compaction may come between the two reads; another one does not follow that soon.
    private static let maxAttempts = 5

    private let books: any BooksStore
    private let history: any HistoryBooks
    private let logger: Logger

    package init(books: any BooksStore, history: any HistoryBooks, logger: Logger = .silent) {
        self.books = books
        self.history = history
        self.logger = logger
    }

    /// The audit, with the hours that begin in `hoursMs` (whole hours, ms since 1970), and the stores that could not be asked.
    ///
    /// - Throws: where Redis, which has the books, does not answer.
    func read(_ hoursMs: Range<Int64>) async throws(StoreError) -> (audit: Audit, degraded: [String]) {
        let hours = Array(stride(from: hoursMs.lowerBound, to: hoursMs.upperBound, by: 3_600_000))
        var found: [PartitionBooks] = []
        var counts: [HistoryCount]? = []
        for partition in 0..<(try await books.partitionCount()) {
            let (books, count) = try await read(partition, hours, asksHistory: counts != nil)
            found.append(books)
            if let count { counts?.append(count) } else { counts = nil }
        }
        var byHour: [HistoryHour]?
        if counts != nil {
            do throws(StoreError) {
                byHour = try await history.countedByHour(fromMs: hoursMs.lowerBound, toMs: hoursMs.upperBound)
            } catch {
                leaveOut(error)
            }
        }
        let isWhole = counts != nil && byHour != nil
        return (Audit(found, history: counts, byHour: byHour), isWhole ? [] : ["postgres"])
    }

    /// The books of a partition, and what history counts of the same events; nil where history cannot be asked.
    private func read(
        _ partition: Int, _ hours: [Int64], asksHistory: Bool
    ) async throws(StoreError) -> (PartitionBooks, HistoryCount?) {
        var attempt = 1
        while true {
            let found = try await books.books(partition: partition, hoursMs: hours)
            guard asksHistory else { return (found, nil) }
            let count: HistoryCount
            do throws(StoreError) {
                let boundaryMs = found.state.boundaryMs
                count = try await history.counted(
                    partition: partition, except: found.recent ?? RecentCount(boundaryMs: boundaryMs))
            } catch {
                leaveOut(error)
                return (found, nil)
            }
            // History that knows a later cursor may count what the books did not have yet.
            if count.cursor <= found.state.cursor || attempt == Self.maxAttempts { return (found, count) }
            attempt += 1
        }
    }

    private func leaveOut(_ error: StoreError) {
        logger.debug("PostgreSQL is left out of an audit", ["reason": "\(error)"])
    }
}
