package import Service

/// How a load of questions is driven.
package struct QueryLoadConfiguration: Sendable {
    /// How long answers are counted; default 10 s.
    package var duration = Duration.seconds(10)
    /// How long questions are asked before answers count; default 1 s. What comes later counts, also where it was asked before: a
    /// question that takes longer would be missed else.
    package var warmUp = Duration.seconds(1)
    /// Requests a second over all clients, above 0; nil (the default): each client asks again once it has its answer.
    package var rate: Double?
    /// The same seed asks in the same order, client by client; default 1.
    package var seed: UInt64 = 1

    package init() {}
}

/// Asks questions with many clients at once, and counts what comes back.
///
/// Each client has one request under way. At a rate, requests become due one after the other, whichever client is free takes the next,
/// and times count from when it was due: a slow answer counts for all that had to wait behind it. From any thread.
package final class QueryLoad: Sendable {
    /// What a load measured.
    package struct Result: Sendable {
        /// From the end of the warm-up to the last answer.
        package let seconds: Double
        /// By the question's name.
        package let tallies: [String: AnswerTally]
    }

    private struct State {
        var tallies: [String: AnswerTally] = [:]
        var counted = 0
        /// Of the requests that become due at a rate.
        var taken = 0
        var isStopped = false
        var lastNs: UInt64 = 0
    }

    /// A server that is away is not asked as fast as connections can be refused.
    private static let pauseAfterFailure = Duration.milliseconds(100)

    private let configuration: QueryLoadConfiguration
    private let time: TimeSource
    private let pause: @Sendable (Duration) async throws -> Void
    private let state = Lock(State())

    /// Prepares a load; `pause` sleeps.
    package init(
        _ configuration: QueryLoadConfiguration, time: TimeSource = .system,
        pause: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.configuration = configuration
        self.time = time
        self.pause = pause
    }

    /// Answers counted so far, for who watches.
    package var counted: Int { state.withLock { $0.counted } }

    /// Ends the load early: requests under way are finished, and `run` returns what there is. Once stopped it stays stopped.
    package func stop() { state.withLock { $0.isStopped = true } }

    package var isStopped: Bool { state.withLock { $0.isStopped } }

    /// Asks `questions`, each client over its own of `askers`, until the time is over; requests begun by then are waited for.
    package func run(_ questions: [Question], askers: [any QuestionAsker]) async -> Result {
        precondition(!questions.isEmpty && !askers.isEmpty, "a load needs questions and clients")
        let beginNs = time.monotonicNs()
        let countNs = beginNs + configuration.warmUp.wholeNanoseconds
        let endNs = countNs + configuration.duration.wholeNanoseconds
        state.withLock { state in
            state.tallies = Dictionary(questions.map { ($0.name, AnswerTally()) }) { first, _ in first }
            (state.counted, state.taken, state.lastNs) = (0, 0, countNs)
        }
        await withTaskGroup(of: Void.self) { clients in
            for (number, asker) in askers.enumerated() {
                clients.addTask {
                    var picker = QuestionPicker(questions, seed: self.configuration.seed, client: number)
                    while let begunNs = await self.next(beginNs: beginNs, endNs: endNs) {
                        await self.ask(picker.next(), asker, begunNs: begunNs, countNs: countNs)
                    }
                }
            }
        }
        return state.withLock { state in
            Result(seconds: Double(max(state.lastNs, countNs + 1) - countNs) / 1e9, tallies: state.tallies)
        }
    }

    /// When the next request begins, once that is now; nil where the load is over.
    private func next(beginNs: UInt64, endNs: UInt64) async -> UInt64? {
        let nowNs = time.monotonicNs()
        guard !isStopped else { return nil }
        guard let rate = configuration.rate else { return nowNs < endNs ? nowNs : nil }
        let number = state.withLock { state in
            state.taken += 1
            return state.taken - 1
        }
        let dueNs = beginNs + UInt64(Double(number) / rate * 1e9)
        // A server that cannot keep up is not asked on for as long as it takes.
        guard dueNs < endNs, nowNs < endNs else { return nil }
        if dueNs > nowNs, (try? await pause(.nanoseconds(Int64(dueNs - nowNs)))) == nil { return nil }
        return isStopped ? nil : dueNs
    }

    private func ask(
        _ asked: (name: String, target: String), _ asker: any QuestionAsker, begunNs: UInt64, countNs: UInt64
    ) async {
        do {
            let answer = try await asker.ask(asked.target)
            note(asked.name, begunNs, countNs) { $0.add(answer, roundTripMs: $1) }
        } catch {
            note(asked.name, begunNs, countNs) { tally, _ in tally.fail(error.detail) }
            try? await pause(Self.pauseAfterFailure)
        }
    }

    private func note(
        _ name: String, _ begunNs: UInt64, _ countNs: UInt64, _ add: (inout AnswerTally, _ ms: Double) -> Void
    ) {
        let nowNs = time.monotonicNs()
        guard nowNs > countNs else { return }
        state.withLock { state in
            add(&state.tallies[name, default: AnswerTally()], Double(nowNs - begunNs) / 1e6)
            state.counted += 1
            state.lastNs = max(state.lastNs, nowNs)
        }
    }
}

/// Picks questions by their weights, and of each one of its forms; repeatable (SplitMix64: Steele, Lea, Flood 2014).
struct QuestionPicker: RandomNumberGenerator {
    private let questions: [Question]
    private let totalWeight: Int
    private var state: UInt64

    init(_ questions: [Question], seed: UInt64, client: Int) {
        self.questions = questions
        totalWeight = questions.reduce(0) { $0 + $1.weight }
        state = seed &+ UInt64(client) &* 0xD134_2543_DE82_EF95
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func next() -> (name: String, target: String) {
        var left = Int.random(in: 0..<totalWeight, using: &self)
        for question in questions {
            left -= question.weight
            if left < 0 {
                return (question.name, question.targets[Int.random(in: 0..<question.targets.count, using: &self)])
            }
        }
        preconditionFailure("the weights add up to their total")
    }
}
