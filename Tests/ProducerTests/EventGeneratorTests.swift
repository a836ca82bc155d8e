import Foundation
import TestKit
import Testing

@testable import Producer

@Suite("Event generator")
struct EventGeneratorTests {
    struct Event: Decodable {
        let ts: Int64
        let service: String
        let endpoint: String
        let method: String
        let status: Int
        let durationMs: Double
        let level: String
        let user: String
        let region: String
    }

    static let startMs: Int64 = 1_795_428_000_000

    private func generator(_ change: (inout GeneratorConfiguration) -> Void = { _ in }) -> EventGenerator {
        var configuration = GeneratorConfiguration()
        configuration.rate = 1000
        configuration.rhythm = 0
        change(&configuration)
        return EventGenerator(configuration, startMs: Self.startMs)
    }

    private func events(_ generator: inout EventGenerator, untilMs: Int64) throws -> [Event] {
        var body: [UInt8] = []
        let count = generator.appendEvents(untilMs: Self.startMs + untilMs, limit: .max, to: &body)
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let events = try body.split(separator: 10).map { try decoder.decode(Event.self, from: Data($0)) }
        #expect(events.count == count)
        return events
    }

    @Test("events are whole, in order, and as many as the rate says", arguments: Seed.range(3))
    func eventsAreWhole(seed: Seed) throws {
        var generator = generator { $0.seed = seed.value }
        let events = try events(&generator, untilMs: 4000)
        #expect(abs(events.count - 4000) < 320)  // five deviations of a Poisson count
        #expect(zip(events, events.dropFirst()).allSatisfy { $0.ts <= $1.ts })
        #expect(events.allSatisfy { $0.ts >= Self.startMs && $0.ts <= Self.startMs + 4000 && $0.durationMs > 0 })
        #expect(Set(events.map(\.service)) == ["web", "catalog", "account", "checkout", "media"])
        #expect(Set(events.map { "\($0.method) \($0.endpoint)" }).count == 16)
        #expect(Set(events.map(\.region)).count == 4)
        #expect(events.allSatisfy { ($0.status >= 500) == ($0.level == "error") })
        let durations = events.map(\.durationMs).sorted()
        let (median, p99) = (durations[durations.count / 2], durations[durations.count * 99 / 100])
        #expect(p99 > 10 * median, "latency has a tail")
        let users = Dictionary(grouping: events, by: \.user).mapValues(\.count)
        #expect(users.count > 500 && (users["u1"] ?? 0) > 30 * (users.values.sorted()[users.count / 2]))
    }

    @Test("the same seed gives the same bytes, however they are asked for", arguments: Seed.range(4))
    func sameSeedSameBytes(seed: Seed) {
        var rng = SplitMix64(seed)
        var whole: [UInt8] = []
        var pieces: [UInt8] = []
        var first = generator { $0.seed = seed.value }
        var second = first
        _ = first.appendEvents(untilMs: Self.startMs + 2000, limit: .max, to: &whole)
        var ms: Int64 = 0
        while ms < 2000 {
            let limit = Int.random(in: 1...200, using: &rng)
            if second.appendEvents(untilMs: Self.startMs + ms, limit: limit, to: &pieces) < limit {
                ms = min(2000, ms + Int64.random(in: 1...100, using: &rng))
            }
        }
        _ = second.appendEvents(untilMs: Self.startMs + 2000, limit: .max, to: &pieces)
        #expect(whole == pieces)
        var other = generator { $0.seed = seed.value + 1 }
        var others: [UInt8] = []
        _ = other.appendEvents(untilMs: Self.startMs + 2000, limit: .max, to: &others)
        #expect(whole != others)
    }

    @Test("every few minutes one service fails and slows down, the others do not")
    func incidents() throws {
        var plan = IncidentPlan(seed: ~1, services: 5, startMs: Double(Self.startMs))
        var generator = generator { $0.rate = 50 }
        let incident = plan.incident
        #expect(incident.startMs >= Double(Self.startMs) + 60_000)
        let endMs = Int64(incident.endMs) - Self.startMs
        let all = try events(&generator, untilMs: endMs)
        let troubled = TrafficModel.shop.services[incident.service]
        let during = all.filter { Double($0.ts) > incident.startMs }
        let before = all.filter { Double($0.ts) <= incident.startMs }
        func errorShare(_ events: [Event]) -> Double {
            Double(events.count { $0.status >= 500 }) / Double(max(1, events.count))
        }
        #expect(errorShare(during.filter { $0.service == troubled }) > 0.03)
        #expect(errorShare(during.filter { $0.service != troubled }) < 0.02)
        #expect(errorShare(before) < 0.01)
        // Over a day: one every few minutes, each within its bounds.
        var count = 0
        while plan.incident.startMs < Double(Self.startMs) + 86_400_000 {
            let length = plan.incident.endMs - plan.incident.startMs
            #expect((20_000...60_000).contains(length))
            count += 1
            plan.advance(toMs: plan.incident.endMs)
        }
        #expect((250...550).contains(count))
    }

    @Test("the rate follows the hour of the day")
    func dailyRhythm() {
        func count(atHour hour: Int64) -> Int {
            var configuration = GeneratorConfiguration()
            configuration.users = 10
            configuration.rhythm = 0.5
            let start = Self.startMs / 86_400_000 * 86_400_000 + hour * 3_600_000
            var generator = EventGenerator(configuration, startMs: start)
            var body: [UInt8] = []
            return generator.appendEvents(untilMs: start + 40_000, limit: .max, to: &body)
        }
        #expect(abs(count(atHour: 15) - 6000) < 400)
        #expect(abs(count(atHour: 3) - 2000) < 250)
        #expect(abs(count(atHour: 9) - 4000) < 350)
    }

    @Test("what is skipped is counted, and time goes on from there")
    func skipping() throws {
        var generator = generator()
        #expect(abs(generator.skip(toMs: Self.startMs + 60_000) - 60_000) < 2)
        #expect(generator.skip(toMs: Self.startMs + 100) == 0)
        let next = try events(&generator, untilMs: 61_000)
        #expect(abs(next.count - 1000) < 200)
        #expect(next.allSatisfy { $0.ts >= Self.startMs + 60_000 })
        generator.restart(atMs: Self.startMs)
        #expect(try events(&generator, untilMs: 1000).isEmpty == false)
    }
}

@Suite("Weighted choice")
struct WeightedChoiceTests {
    @Test("things are drawn as often as they weigh", arguments: Seed.range(20))
    func drawsFollowTheWeights(seed: Seed) {
        var rng = SplitMix64(seed)
        let weights =
            (0..<Int.random(in: 1...12, using: &rng)).map { _ in
                Bool.random(using: &rng) ? 0 : Double.random(in: 0...10, using: &rng)
            } + [1]
        let choice = WeightedChoice(weights: weights)
        var random = RandomSource(seed: seed.value)
        var counts = weights.map { _ in 0.0 }
        for _ in 0..<10_000 { counts[choice.draw(&random)] += 1 }
        for (weight, count) in zip(weights, counts) {
            let share = weight / weights.reduce(0, +)
            #expect(abs(count / 10_000 - share) < 0.03)
            #expect(weight > 0 || count == 0)
        }
    }
}

@Suite("Generator pace")
struct GeneratorPaceTests {
    @Test(
        "it waits, makes, leaves out and starts again",
        arguments: [
            (0, GeneratorPace.Step.wait(ms: 100)), (99, .wait(ms: 1)), (100, .make(untilMs: 100)),
            (1100, .make(untilMs: 1100)),
            (1101, .leaveOut(untilMs: 101)), (3_600_000, .leaveOut(untilMs: 3_599_000)), (-1000, .wait(ms: 1100)),
            (-1001, .restart(atMs: -1001)),
        ] as [(Int64, GeneratorPace.Step)])
    func steps(nowMs: Int64, step: GeneratorPace.Step) {
        #expect(GeneratorPace(rate: 100, startMs: 0).step(nowMs: nowMs) == step)
    }

    @Test(
        "high rates make smaller batches more often", arguments: [(1.0, 100), (20_000, 100), (50_000, 40), (1e9, 10)])
    func interval(rate: Double, ms: Int64) { #expect(GeneratorPace(rate: rate, startMs: 0).intervalMs == ms) }
}
