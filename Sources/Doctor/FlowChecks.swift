package import Analytics

/// Says whether events get on: from the log into Redis, and from there into PostgreSQL.
package enum FlowChecks {
    /// How long an entry may wait for the worker, ms.
    private static let lagWarns: Int64 = 10_000
    private static let lagFails: Int64 = 60_000
    /// How long ago the last pass may be, and how far behind now the watermark, ms; passes are a minute apart by default.
    private static let passWarns: Int64 = 600_000
    private static let passFails: Int64 = 3_600_000

    /// What waits for the workers; nil where Redis has no functions to ask.
    package static func worker(_ partitions: [RedisFacts.Partition]) -> Check? {
        guard !partitions.isEmpty else { return nil }
        let name = "worker"
        let places = partitions.indices.sorted { partitions[$0].lag.oldestMs > partitions[$1].lag.oldestMs }
        let worst = partitions[places[0]].lag
        let behind = places.filter { partitions[$0].lag.oldestMs >= lagWarns }
        guard !behind.isEmpty else {
            return .ok(
                name,
                "\(FactText.count(partitions.count, "partition")), nothing waits for long")
        }
        let entries = worst.entries.map { ", of \($0) in all" } ?? ""
        let detail =
            "partition \(FactText.list(behind.map(String.init))) is not being worked off: the oldest entry has waited "
            + "\(FactText.length(worst.oldestMs))\(entries)"
        let remedy = "see that weir work runs (/readyz on its port 8081) and what its log says"
        return worst.oldestMs >= lagFails
            ? .fail(name, detail, mend: remedy)
            : .warn(name, detail, mend: remedy + "; where it does and is busy, start another and raise WEIR_PARTITIONS")
    }

    /// How the compaction is doing.
    ///
    /// - Parameters:
    ///   - history: what PostgreSQL knows.
    ///   - partitions: what Redis knows; empty where it could not be asked.
    ///   - nowMs: ms since 1970.
    /// - Returns: one check.
    package static func compaction(
        _ history: PostgresFacts.History, _ partitions: [RedisFacts.Partition], nowMs: Int64
    ) -> Check {
        let name = "compaction"
        let waiting = partitions.compactMap(\.oldestChangedMs).min().map { nowMs - $0 }
        let remedy = "run weir compact from cron each minute, or weir compact --every 60s; where it runs, see its log"
        guard let last = history.compaction else {
            let detail = "there was no whole pass yet"
            if let waiting, waiting >= passFails {
                return .fail(name, "\(detail), and minutes wait since \(FactText.length(waiting))", mend: remedy)
            }
            return .warn(name, detail, mend: remedy)
        }
        let ago = nowMs - last.atMs
        let detail = "the last whole pass ended \(FactText.length(max(ago, 0))) ago"
        if ago >= passFails { return .fail(name, detail, mend: remedy) }
        if ago >= passWarns { return .warn(name, detail, mend: remedy) }
        // Late events are written by the next pass, so a minute that waits for longer is held back.
        if let waiting, waiting - ago >= passFails, let watermark = last.watermarkMs, nowMs - watermark >= passFails {
            return .fail(
                name,
                "passes end well, but minutes wait since \(FactText.length(waiting)): something cannot be written",
                mend: "see what the log of weir compact says is held back")
        }
        return .ok(name, "\(detail), \(last.rows) rows in \(Int64(last.seconds * 1_000)) ms")
    }

    /// Whether the two stores belong together, and neither has gone back in time.
    ///
    /// Each was read twice, in this order, so that a pass in between cannot make one look older than the other: Redis
    /// (`watermarks`, by partition), PostgreSQL (`known`), Redis again (`cursors`, by partition).
    package static func stores(
        watermarks: [Int64], known: [PostgresFacts.History.Cursor], cursors: [StreamID]
    ) -> Check {
        let name = "stores"
        for one in known {
            let cursor = one.partition < cursors.count ? cursors[one.partition] : .zero
            guard cursor < one.cursor else { continue }
            return .fail(
                name,
                "Redis has lost data that PostgreSQL knows of, or is another Redis: partition \(one.partition) is at "
                    + "\(cursor), and was compacted up to \(one.cursor); weir compact writes nothing",
                mend:
                    "name the right one by WEIR_REDIS_URL, or bring back a newer copy of it; where it is the right one and what "
                    + "it lost is lost: DELETE FROM weir.partition_cursor WHERE partition = \(one.partition)")
        }
        for (partition, watermarkMs) in watermarks.enumerated() where watermarkMs > 0 {
            let held = known.first { $0.partition == partition }?.watermarkMs ?? 0
            guard held < watermarkMs else { continue }
            return .fail(
                name,
                "PostgreSQL has lost history that was compacted, or is another PostgreSQL: partition \(partition) was compacted "
                    + (held > 0
                        ? "\(FactText.length(watermarkMs - held)) further than it knows"
                        : "and it knows nothing of it"),
                mend:
                    "name the right one by WEIR_POSTGRES_URL, or bring back a newer copy of it; what is missing shows in "
                    + "/api/v1/audit")
        }
        return .ok(
            name, "Redis and PostgreSQL agree on \(FactText.count(max(watermarks.count, known.count), "partition"))")
    }

    // MARK: Clocks

    /// A second moves what is late and what is in the future for nobody; five minutes refuse every event.
    private static let skewWarns: Int64 = 2_000
    private static let skewFails: Int64 = 60_000

    /// Whether the clocks agree; nil where no store told the time.
    ///
    /// `readings` are those of the stores that answered, with their names.
    package static func clocks(_ readings: [(store: String, clock: ClockReading)]) -> Check? {
        guard !readings.isEmpty else { return nil }
        let name = "clocks"
        /// For sure, whatever the answer took.
        func skew(_ ahead: ClosedRange<Int64>) -> Int64 {
            ahead.lowerBound > 0 ? ahead.lowerBound : min(ahead.upperBound, 0)
        }
        func words(_ skew: Int64) -> String {
            skew == 0 ? "in step" : "\(FactText.length(abs(skew))) \(skew > 0 ? "ahead" : "behind")"
        }
        let skews = readings.map { ($0.store, skew($0.clock.aheadMs)) }
        let detail = skews.map { "\($0) is \(words($1))" }.joined(separator: ", ")
        let worst = skews.map { abs($0.1) }.max() ?? 0
        guard worst >= skewWarns else { return .ok(name, detail + (worst == 0 ? "" : " of this machine")) }
        // Where all stores say the same, they are right.
        let spread = (skews.map(\.1).max() ?? 0) - (skews.map(\.1).min() ?? 0)
        let isOurs = skews.count > 1 && spread < skewWarns
        let remedy =
            isOurs
            ? "set this machine's clock: run chrony or systemd-timesyncd"
            : "set the clock of that machine: run chrony or systemd-timesyncd on all"
        let whole = "\(detail) of this machine; events more than 5 min ahead of a clock are refused"
        return worst >= skewFails ? .fail(name, whole, mend: remedy) : .warn(name, whole, mend: remedy)
    }
}
