import Service
import TestKit
import Testing

@testable import Bench

/// A clock that goes on only by what is waited for, and a front that takes a told time for each answer.
private final class MadeUpFront: QuestionAsker {
    let nowNs = Lock<UInt64>(1_000_000_000)
    let asked = Lock<[String]>([])
    /// The time an answer takes, in ms, by its number; negative where there is none.
    let tookMs: @Sendable (Int) -> Double

    init(_ tookMs: @escaping @Sendable (Int) -> Double) { self.tookMs = tookMs }

    var time: TimeSource { TimeSource(wallMs: { 0 }, monotonicNs: { [nowNs] in nowNs.withLock { $0 } }) }

    func wait(_ duration: Duration) { nowNs.withLock { $0 += duration.wholeNanoseconds } }

    func ask(_ target: String) async throws(AskError) -> Answer {
        let number = asked.withLock { asked in
            asked.append(target)
            return asked.count - 1
        }
        let ms = tookMs(number)
        wait(.microseconds(Int64(abs(ms) * 1_000)))
        if ms < 0 { throw AskError("away") }
        return Answer(status: 200, body: Array(#"{"tiers":["memory"],"degraded":[],"took_ms":\#(ms / 2)}"#.utf8))
    }
}

@Suite("Load of questions")
struct QueryLoadTests {
    private let question = Question("q", targets: ["/q"])

    private func run(
        _ front: MadeUpFront, rate: Double? = nil, warmUp: Duration = .zero, seconds: Int = 1, clients: Int = 1,
        _ questions: [Question]? = nil
    ) async -> QueryLoad.Result {
        var configuration = QueryLoadConfiguration()
        configuration.duration = .seconds(seconds)
        configuration.warmUp = warmUp
        configuration.rate = rate
        let load = QueryLoad(configuration, time: front.time, pause: { front.wait($0) })
        return await load.run(questions ?? [question], askers: Array(repeating: front, count: clients))
    }

    @Test("a closed loop asks again once it is answered, and the warm-up does not count")
    func closedLoop() async throws {
        let front = MadeUpFront { $0 < 100 ? 5 : 2 }
        let result = await run(front, warmUp: .milliseconds(500))
        let tally = try #require(result.tallies["q"])
        #expect(tally.answered == 500 && tally.requests == 500 && front.asked.withLock { $0.count } == 600)
        #expect(abs(result.seconds - 1) < 1e-9)
        #expect(tally.roundTrip.max == 2 && tally.took.max == 1)
        #expect(abs(try #require(tally.roundTrip.quantile(0.5)) - 2) <= 0.02)
        #expect(tally.hitRate == 1 && tally.degraded == 0)
    }

    @Test("at a rate, those who had to wait behind a slow answer count it too")
    func openLoop() async throws {
        let front = MadeUpFront { $0 == 10 ? 500 : 1 }
        let tally = try #require(await run(front, rate: 100).tallies["q"])
        #expect(tally.answered == 100)
        #expect(tally.roundTrip.max == 500)
        // Some fifty of a hundred were due meanwhile; a clock that starts when they are sent would show one.
        #expect(try #require(tally.roundTrip.quantile(0.6)) > 50)
        #expect(try #require(tally.roundTrip.quantile(0.3)) < 2)
        #expect(abs(try #require(tally.took.quantile(0.9)) - 0.5) < 0.01)
    }

    @Test(
        "a server that cannot keep up is asked no longer than the load lasts, and an answer that outlasts the warm-up counts"
    )
    func slowServer() async throws {
        let front = MadeUpFront { _ in 300 }
        let result = await run(front, rate: 100, warmUp: .milliseconds(200))
        let tally = try #require(result.tallies["q"])
        #expect(tally.requests == 4 && front.asked.withLock { $0.count } == 4)
        #expect(tally.roundTrip.max == 1_200 - 30)
        #expect(abs(result.seconds - 1) < 1e-9)
    }

    @Test("failures are counted by their reason, and a server that is away is not asked without a pause")
    func failures() async throws {
        let front = MadeUpFront { $0 < 3 ? -1 : 1 }
        let tally = try #require(await run(front).tallies["q"])
        #expect(tally.failures == ["away": 3] && tally.failed == 3)
        // Three pauses of 100 ms, and 1 ms for each request.
        #expect(tally.requests == 700)
    }

    @Test("several clients ask together, by the weights, and the same seed asks the same")
    func severalClients() async throws {
        let questions = [
            Question("often", weight: 3, targets: ["/a", "/b"]), Question("seldom", weight: 1, targets: ["/c"]),
        ]
        let front = MadeUpFront { _ in 0.1 }
        let result = await run(front, clients: 4, questions)
        let (often, seldom) = (try #require(result.tallies["often"]), try #require(result.tallies["seldom"]))
        #expect(abs(often.requests + seldom.requests - 10_000) < 5)
        #expect(abs(Double(often.requests) / Double(seldom.requests) - 3) < 0.3)
        let asked = front.asked.withLock { $0 }
        #expect(abs(asked.filter { $0 == "/a" }.count - asked.filter { $0 == "/b" }.count) < 500)
        let orders = (0..<2).map { _ in
            var picker = QuestionPicker(questions, seed: 7, client: 3)
            return (0..<50).map { _ in picker.next().target }
        }
        #expect(orders[0] == orders[1])
        var other = QuestionPicker(questions, seed: 7, client: 4)
        #expect(orders[0] != (0..<50).map { _ in other.next().target })
    }

    @Test("a load that is stopped returns what it has")
    func stops() async throws {
        let holder = Lock<QueryLoad?>(nil)
        let front = MadeUpFront { number in
            if number == 9 { holder.withLock { $0 }?.stop() }
            return 1
        }
        let load = QueryLoad(QueryLoadConfiguration(), time: front.time, pause: { front.wait($0) })
        holder.withLock { $0 = load }
        let result = await load.run([question], askers: [front])
        holder.withLock { $0 = nil }
        // All ten fell into the warm-up.
        #expect(result.tallies["q"]?.requests == 0 && front.asked.withLock { $0.count } == 10)
    }
}
