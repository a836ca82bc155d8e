import Analytics
import Testing

@testable import Doctor

@Suite("What doctor says of Redis")
struct RedisChecksTests {
    private let requests = MetricDefinition(id: .events, name: "requests", kind: .counter, by: ["service"])

    /// A Redis as it should be.
    private var good: RedisFacts {
        var facts = RedisFacts(
            version: "7.0.15", clock: ClockReading(storeMs: 5, beforeMs: 5, afterMs: 5), functions: .current("2.1"))
        (facts.policy, facts.isAppendOnly, facts.appendFsync) = ("noeviction", true, "everysec")
        facts.definitions = Definitions(version: 0, metrics: []).updated(to: [requests]).definitions
        return facts
    }

    private func verdicts(_ change: (inout RedisFacts) -> Void) -> [String: Check.Verdict] {
        var facts = good
        change(&facts)
        let checks = RedisChecks.checks(facts, known: "2.1", configured: [requests])
        #expect(checks.allSatisfy { ($0.remedy == nil) == ($0.verdict == .ok) })
        return Dictionary(uniqueKeysWithValues: checks.map { ($0.name, $0.verdict) })
    }

    @Test func aGoodOneIsWell() {
        let all = verdicts { _ in }
        #expect(all.count == 6 && all.values.allSatisfy { $0 == .ok }, "\(all)")
    }

    @Test(
        arguments: [
            ("6.2.14", false, Check.Verdict.fail), ("7.0.0", false, .ok), ("7.0", false, .ok), ("8.2.1", false, .ok),
            ("10.0.0", false, .ok), ("7.1.9", true, .fail), ("7.2.0", true, .ok), ("8.0.1", true, .ok),
            ("unknown", false, .fail),
        ])
    func versions(version: String, isValkey: Bool, verdict: Check.Verdict) {
        #expect(verdicts { ($0.version, $0.isValkey) = (version, isValkey) }["redis"] == verdict)
    }

    @Test func whatIsAcceptedMustNotBeThrownAwayOrLost() {
        #expect(verdicts { $0.isReplica = true }["redis"] == .fail)
        #expect(verdicts { $0.isCluster = true }["redis"] == .warn)
        #expect(verdicts { $0.policy = "allkeys-lru" }["redis-policy"] == .warn)
        #expect(verdicts { ($0.policy, $0.maxBytes) = ("allkeys-lru", 1 << 30) }["redis-policy"] == .fail)
        #expect(verdicts { $0.isAppendOnly = false }["redis-durability"] == .warn)
        #expect(verdicts { $0.appendFsync = "no" }["redis-durability"] == .warn)
        #expect(verdicts { $0.failsToAppend = true }["redis-durability"] == .fail)
        // A service that does not tell is not accused.
        let silent = verdicts { ($0.policy, $0.isAppendOnly, $0.appendFsync) = (nil, nil, nil) }
        #expect(silent["redis-policy"] == nil && silent["redis-durability"] == nil)
    }

    @Test(arguments: [(79, Check.Verdict.ok), (80, .warn), (94, .warn), (95, .fail), (100, .fail)])
    func memory(percent: Int, verdict: Check.Verdict) {
        #expect(verdicts { ($0.usedBytes, $0.maxBytes) = (percent << 20, 100 << 20) }["redis-memory"] == verdict)
    }

    @Test func functionsMustBeThereAndFit() {
        #expect(verdicts { $0.functions = .none }["redis-functions"] == .fail)
        #expect(verdicts { $0.functions = .older("2.0") }["redis-functions"] == .warn)
        #expect(verdicts { $0.functions = .current("2.9") }["redis-functions"] == .ok)
        for isNewer in [true, false] {
            var facts = good
            facts.functions = .incompatible(isNewer ? "3.0" : "1.4", isNewer: isNewer)
            let check = RedisChecks.checks(facts, known: "2.1", configured: [requests]).first {
                $0.name == "redis-functions"
            }
            #expect(check?.verdict == .fail && check?.remedy?.contains("upgrade this program") == isNewer)
        }
    }

    @Test func metricsMustBeThoseThatAreCounted() {
        #expect(verdicts { $0.definitions = nil }["metrics"] == nil, "no worker has run yet")
        let other = MetricDefinition(id: .events, name: "logins", kind: .counter, by: [])
        #expect(
            verdicts { $0.definitions = $0.definitions?.updated(to: [requests, other]).definitions }["metrics"] == .warn
        )
        let gauge = MetricDefinition(id: .events, name: "requests", kind: .gauge, value: "n", by: ["service"])
        #expect(
            verdicts { $0.definitions = Definitions(version: 0, metrics: []).updated(to: [gauge]).definitions }[
                "metrics"] == .fail)
    }
}
