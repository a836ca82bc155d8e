import Analytics
import Testing

@testable import Doctor

@Suite("What doctor says of what flows")
struct FlowChecksTests {
    private let nowMs: Int64 = 1_795_000_000_000
    private let minute: Int64 = 60_000

    private func partition(lagMs: Int64 = 0, changedAgoMs: Int64? = nil) -> RedisFacts.Partition {
        let state = PartitionState(
            cursor: .zero, watermarkMs: 0, horizonSecond: 0, newestMs: 0, nowMs: nowMs, definitionsVersion: 0)
        return .init(
            state: state, lag: PartitionLag(entries: lagMs > 0 ? 4 : 0, oldestMs: lagMs),
            oldestChangedMs: changedAgoMs.map { nowMs - $0 })
    }

    @Test(arguments: [(0, Check.Verdict.ok), (9_999, .ok), (10_000, .warn), (59_999, .warn), (60_000, .fail)])
    func whatWaitsForTheWorker(lagMs: Int, verdict: Check.Verdict) {
        let check = FlowChecks.worker([partition(), partition(lagMs: Int64(lagMs))])
        #expect(check?.verdict == verdict)
        #expect(verdict == .ok || check?.detail.hasPrefix("partition 1 is") == true)
        #expect(FlowChecks.worker([]) == nil)
    }

    /// A pass so many minutes ago; the first changed minute, and the watermark, so many.
    @Test(
        arguments: [
            (1, nil, 1, Check.Verdict.ok), (1, 6, 6, .ok), (11, 11, 11, .warn), (61, nil, 61, .fail),
            (1, 120, 120, .fail), (1, 120, 1, .ok), (nil, nil, 0, .warn), (nil, 120, 0, .fail),
        ] as [(Int64?, Int64?, Int64, Check.Verdict)])
    func howTheCompactionIs(pass: Int64?, changed: Int64?, watermark: Int64, verdict: Check.Verdict) {
        var history = PostgresFacts.History()
        history.compaction = pass.map {
            LastCompaction(
                atMs: nowMs - $0 * minute, seconds: 0.5, rows: 1, watermarkMs: nowMs - watermark * minute)
        }
        let partitions = [partition(changedAgoMs: changed.map { $0 * minute })]
        #expect(FlowChecks.compaction(history, partitions, nowMs: nowMs).verdict == verdict)
    }

    @Test func theStoresMustBelongTogether() {
        func cursor(_ ms: UInt64, _ watermarkMs: Int64, of partition: Int = 0) -> PostgresFacts.History.Cursor {
            .init(partition: partition, cursor: StreamID(ms: ms, sequence: 0), watermarkMs: watermarkMs)
        }
        func check(
            _ watermarks: [Int64], _ known: [PostgresFacts.History.Cursor], _ cursors: [UInt64]
        ) -> Check {
            FlowChecks.stores(
                watermarks: watermarks, known: known, cursors: cursors.map { StreamID(ms: $0, sequence: 0) })
        }
        #expect(check([0], [], [9]).verdict == .ok, "nothing was compacted yet")
        #expect(check([7], [cursor(9, 7)], [9]).verdict == .ok)
        #expect(check([7], [cursor(9, 8)], [12]).verdict == .ok, "a pass has told PostgreSQL and not Redis yet")
        let behind = check([7, 7], [cursor(9, 7), cursor(9, 7, of: 1)], [9, 8])
        #expect(behind.verdict == .fail && behind.remedy?.hasSuffix("WHERE partition = 1") == true)
        #expect(
            check([7], [cursor(9, 7), cursor(3, 7, of: 1)], [9]).verdict == .fail, "Redis has not even the partition")
        #expect(check([8], [cursor(9, 7)], [9]).detail.hasPrefix("PostgreSQL has lost"))
        #expect(check([8], [], [9]).detail.hasSuffix("it knows nothing of it"))
    }

    @Test(
        arguments: [
            (0, 0, 0, Check.Verdict.ok, false), (1_999, 0, 0, .ok, false), (2_000, 0, 0, .warn, false),
            (-70_000, 0, 0, .fail, false),
            // An answer that took long says little.
            (5_000, 0, 5_000, .ok, false), (5_000, 0, 1_000, .warn, false),
            // Where both say the same it is this machine.
            (-90_000, -90_500, 0, .fail, true), (3_000, 3_000, 0, .warn, true),
        ] as [(Int64, Int64, Int64, Check.Verdict, Bool)])
    func clocks(redis: Int64, postgres: Int64, tookMs: Int64, verdict: Check.Verdict, isOurs: Bool) {
        func reading(_ ahead: Int64) -> ClockReading {
            ClockReading(storeMs: nowMs + ahead, beforeMs: nowMs, afterMs: nowMs + tookMs)
        }
        let check = FlowChecks.clocks([("Redis", reading(redis)), ("PostgreSQL", reading(postgres))])
        #expect(check?.verdict == verdict, "\(check?.detail ?? "")")
        #expect(check?.remedy?.hasPrefix("set this machine's clock") ?? false == isOurs)
        #expect(FlowChecks.clocks([]) == nil)
    }

    @Test func aFrontMustBeReadyAndWhole() {
        func check(_ status: FrontFacts.Status, _ reasons: [String] = []) -> Check {
            FrontChecks.check(
                FrontFacts(address: "http://a", unreadyReasons: reasons, status: status), version: "0.1.0")
        }
        #expect(check(.known(version: "0.1.0", degraded: [])).verdict == .ok)
        #expect(check(.known(version: "0.0.9", degraded: [])).verdict == .warn)
        #expect(check(.known(version: "0.1.0", degraded: ["postgres"])).verdict == .fail)
        #expect(check(.known(version: "0.1.0", degraded: []), ["Redis does not answer"]).verdict == .fail)
        #expect(check(.refused(401, "no token")).remedy?.contains("WEIR_TOKEN") == true)
        #expect(check(.refused(404, "not found")).verdict == .fail)
    }
}
