import Analytics
import TestKit
import Testing

/// Stores in miniature: events as (partition, second), and what each tier would hold of them.
private struct World {
    let nowSecond: Int64
    let events: [(partition: Int, second: Int64)]
    let states: [PartitionState]
    /// Memory holds everything from here on.
    let memoryFrom: Int64?

    init(_ rng: inout SplitMix64) {
        let now: Int64 = 1_795_428_000 + .random(in: 0..<3_600, using: &rng)
        nowSecond = now
        let partitions = Int.random(in: 1...3, using: &rng)
        events = (0..<400).map { _ in
            let age: Int64 = [30, 600, 4_000, 12_000].randomElement(using: &rng) ?? 30
            return (.random(in: 0..<partitions, using: &rng), now + 20 - .random(in: 0..<age, using: &rng))
        }
        states = (0..<partitions).map { _ in
            let compacted: Int64 = [0, now - 60, now - 3_700, now - 9_000].randomElement(using: &rng) ?? 0
            return PartitionState(
                cursor: .zero, watermarkMs: compacted / 60 * 60_000,
                horizonSecond: now - .random(in: 300..<1_300, using: &rng), newestMs: 0, nowMs: now * 1_000,
                definitionsVersion: 1)
        }
        memoryFrom = Bool.random(using: &rng) ? nil : now - .random(in: 5..<520, using: &rng)
    }

    /// What the plan's parts count, by step.
    func count(_ plan: QueryPlan) -> [Int64: Int] {
        var counts: [Int64: Int] = [:]
        func add(_ bucketMs: Int64) { counts[StepLadder.floor(bucketMs, plan.query.stepMs), default: 0] += 1 }
        for event in events {
            let state = states[event.partition]
            if let range = plan.history {
                let minute = StepLadder.floor(event.second * 1_000, 60_000)
                // PostgreSQL has all before the watermark, and so more than is asked of it.
                let isThere = minute < state.watermarkMs
                if isThere, range.contains(minute), minute < plan.before[event.partition] { add(minute) }
            }
            for part in plan.recent where part.partition == event.partition {
                switch part.resolution {
                case .second:
                    if event.second >= state.horizonSecond, part.seconds.contains(event.second) {
                        add(event.second * 1_000)
                    }
                case .tenSeconds:
                    let bucket = event.second - event.second % 10
                    if part.seconds.contains(bucket) { add(bucket * 1_000) }
                }
            }
            if let seconds = plan.memory, let memoryFrom, event.second >= memoryFrom, seconds.contains(event.second) {
                add(event.second * 1_000)
            }
        }
        return counts
    }
}

@Suite("Query plan")
struct QueryPlanTests {
    @Test("every event of the range counts once, whatever tiers the range spans", arguments: Seed.range(500))
    func countsEachEventOnce(seed: Seed) throws {
        var rng = SplitMix64(seed)
        let world = World(&rng)
        var texts = Query.Texts()
        let length: Int64 = [40, 500, 5_000, 15_000].randomElement(using: &rng) ?? 40
        let to = world.nowSecond + .random(in: -length...30, using: &rng)
        texts.from = String((to - .random(in: 1...length, using: &rng)) * 1_000 + .random(in: 0..<1_000, using: &rng))
        texts.to = String(to * 1_000 + .random(in: 1...999, using: &rng))
        texts.step = ["auto", "2s", "10s", "30s", "1m", "15m"].randomElement(using: &rng)
        if texts.step == "2s" && length > 5_000 { texts.step = "10s" }
        let query = try Query(metric: .events, texts, nowMs: world.nowSecond * 1_000)
        let plan = QueryPlan(query, states: world.states, memoryFromSecond: world.memoryFrom)

        var expected: [Int64: Int] = [:]
        for event in world.events where (plan.query.fromMs..<plan.query.toMs).contains(event.second * 1_000) {
            expected[StepLadder.floor(event.second * 1_000, plan.query.stepMs), default: 0] += 1
        }
        #expect(world.count(plan) == expected)
        #expect(plan.query.fromMs <= query.fromMs && plan.query.toMs >= query.toMs)
        #expect(plan.query.stepMs >= query.stepMs)
    }

    @Test func aFineQuestionOfTheLastMinutesIsMemorysAlone() throws {
        let plan = try plan(from: "-2m", step: "1s", memoryAgo: 400)
        #expect(plan.history == nil && plan.recent.isEmpty)
        #expect(plan.memory == plan.query.fromMs / 1_000..<plan.query.toMs / 1_000 && plan.query.stepMs == 1_000)
    }

    @Test func redisGivesSecondsWhileItHasThem() throws {
        let fine = try plan(from: "-10m", step: "1s", memoryAgo: nil)
        #expect(fine.recent.map(\.resolution) == [.second] && fine.query.stepMs == 1_000)
        let older = try plan(from: "-30m", step: "1s", memoryAgo: nil)
        #expect(older.recent.map(\.resolution) == [.tenSeconds] && older.query.stepMs == 10_000)
    }

    @Test func historyBeginsWhereRedisEnds() throws {
        let plan = try plan(from: "-3h", step: "1s", memoryAgo: 400)
        let boundary = state.boundaryMs
        #expect(plan.query.stepMs == 60_000)
        #expect(plan.history == plan.query.fromMs..<boundary && plan.before == [boundary])
        #expect(plan.recent.map(\.seconds.lowerBound) == [boundary / 1_000])
        #expect(plan.memory?.lowerBound == plan.recent.first?.seconds.upperBound)
    }

    @Test func aStepRisesToWhatIsStillHeld() throws {
        let day = HistoryResolution.day.ms
        let held = HistoryHeld(minutesFromMs: nowMs - 9 * day, hoursFromMs: nowMs - 400 * day)
        let steps: [(from: String, asked: String, used: Int64)] = [
            ("-8d", "10m", 600_000), ("-10d", "10m", 3_600_000), ("-500d", "2h", 86_400_000),
        ]
        for one in steps {
            let plan = try plan(from: one.from, step: one.asked, memoryAgo: nil, held: held)
            #expect(plan.query.stepMs == one.used && plan.history?.lowerBound == plan.query.fromMs)
        }
    }

    @Test func withoutAnyCompactionRedisAnswersForAll() throws {
        var never = state
        never.watermarkMs = 0
        let plan = try plan(from: "-3h", step: "1m", memoryAgo: nil, state: never)
        #expect(
            plan.history == nil && plan.recent.map(\.seconds) == [plan.query.fromMs / 1_000..<plan.query.toMs / 1_000])
    }

    private let nowMs: Int64 = 1_795_428_123_456

    private var state: PartitionState {
        PartitionState(
            cursor: .zero, watermarkMs: nowMs / 60_000 * 60_000, horizonSecond: nowMs / 1_000 - 1_200, newestMs: nowMs,
            nowMs: nowMs, definitionsVersion: 1)
    }

    private func plan(
        from: String, step: String, memoryAgo: Int64?, state: PartitionState? = nil, held: HistoryHeld = .all
    ) throws -> QueryPlan {
        var texts = Query.Texts()
        (texts.from, texts.step) = (from, step)
        let query = try Query(metric: .events, texts, nowMs: nowMs)
        return QueryPlan(
            query, states: [state ?? self.state], memoryFromSecond: memoryAgo.map { nowMs / 1_000 - $0 },
            held: held)
    }
}
