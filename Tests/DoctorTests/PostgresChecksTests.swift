import Analytics
import Testing

@testable import Doctor

@Suite("What doctor says of PostgreSQL")
struct PostgresChecksTests {
    private let nowMs: Int64 = 1_795_000_000_000

    /// A PostgreSQL as it should be.
    private var good: PostgresFacts {
        var facts = PostgresFacts(
            version: "15.4", versionNumber: 150_004, isReadOnly: false, encoding: "UTF8",
            clock: ClockReading(storeMs: 5, beforeMs: 5, afterMs: 5), schema: .current(migration: 9))
        facts.rights.role = "weir"
        var history = PostgresFacts.History()
        history.compaction = LastCompaction(atMs: nowMs, seconds: 1, rows: 1, watermarkMs: nowMs)
        for resolution in HistoryResolution.allCases { history.heldUntilMs[resolution] = nowMs + 2 * 86_400_000 }
        facts.history = history
        return facts
    }

    private func checks(_ change: (inout PostgresFacts) -> Void) -> [String: Check] {
        var facts = good
        change(&facts)
        let checks = PostgresChecks.checks(facts, nowMs: nowMs)
        #expect(checks.allSatisfy { ($0.remedy == nil) == ($0.verdict == .ok) })
        return Dictionary(uniqueKeysWithValues: checks.map { ($0.name, $0) })
    }

    @Test func aGoodOneIsWell() {
        let all = checks { _ in }
        #expect(all.count == 4 && all.values.allSatisfy { $0.verdict == .ok }, "\(all)")
    }

    @Test func theServerMustBeNewEnoughAndTakeWrites() {
        #expect(checks { $0.versionNumber = 130_014 }["postgres"]?.verdict == .fail)
        #expect(checks { $0.versionNumber = 140_000 }["postgres"]?.verdict == .ok)
        #expect(checks { $0.isReadOnly = true }["postgres"]?.verdict == .fail)
        #expect(checks { $0.encoding = "LATIN1" }["postgres"]?.verdict == .fail)
    }

    @Test func theSchemaMustBeThatOfThisProgram() {
        let none = checks { ($0.schema, $0.history) = (.none, nil) }
        #expect(none["schema"]?.remedy == "weir migrate" && none["rights"] == nil && none["partitions"] == nil)
        let behind = checks { $0.schema = .behind(["0009_create_rewritten_partition"]) }["schema"]
        #expect(behind?.verdict == .fail && behind?.detail.contains("0009_create_rewritten_partition") == true)
        #expect(checks { $0.schema = .refused("0003 was changed") }["schema"]?.verdict == .fail)
    }

    @Test func theRoleMustBeAllowedTo() {
        let hidden = checks { ($0.schema, $0.rights.usesSchema, $0.history) = (.hidden, false, nil) }
        #expect(hidden["rights"]?.verdict == .fail && hidden["schema"] == nil)
        let unread = checks { ($0.schema, $0.rights.unreadable, $0.history) = (.hidden, ["minute"], nil) }
        #expect(unread["rights"]?.detail == "weir may not read minute")
        let reader = checks {
            $0.rights.unwritable = (1...8).map { "t\($0)" }
            ($0.rights.foreign, $0.rights.createsTables) = (["minute"], false)
        }["rights"]
        #expect(reader?.verdict == .warn)
        #expect(
            reader?.detail.hasSuffix(
                "but not write t1, t2, t3, t4, t5 and 3 more, nor make tables in the schema weir, nor make or drop "
                    + "partitions of minute") == true, "\(reader?.detail ?? "")")
    }

    @Test func partitionsMustBeAhead() {
        #expect(checks { $0.history?.heldUntilMs[.hour] = nowMs + 3_600_000 }["partitions"]?.verdict == .warn)
        let none = checks { $0.history?.heldUntilMs[.minute] = nil }["partitions"]
        #expect(none?.verdict == .fail && none?.detail.contains("weir.minute") == true)
        #expect(checks { $0.history?.compaction = nil }["partitions"] == nil, "the first pass makes them")
    }
}
