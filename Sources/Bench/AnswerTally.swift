internal import Analytics

/// What became of the requests of one question. Times within 1 %, but for the greatest.
package struct AnswerTally: Sendable {
    /// Times in ms, the least of them and of all sizes kept in little memory.
    package struct Times: Sendable {
        private var sketch = Sketch()
        /// In ms; 0 where there is none.
        package private(set) var max = 0.0

        var isEmpty: Bool { sketch.isEmpty }

        mutating func add(_ ms: Double) {
            sketch.insert(ms)
            max = Swift.max(max, ms)
        }

        mutating func merge(_ other: Times) {
            sketch.merge(other.sketch)
            max = Swift.max(max, other.max)
        }

        /// In ms, within 1 %; `q` is 0...1, and nil where there is none.
        package func quantile(_ q: Double) -> Double? { sketch.value(atQuantile: q).map { min($0, max) } }
    }

    /// Different reasons that are told; more are counted as `others`.
    private static let maxReasons = 20

    /// Requests that were answered with success.
    package private(set) var answered = 0
    /// Of those, with a store missing.
    package private(set) var degraded = 0
    /// Of those, how many said which tiers were read, and of these, for how many PostgreSQL was not needed.
    package private(set) var toldTiers = 0
    package private(set) var withoutPostgres = 0
    /// Of those, how many came with each step (ms).
    package private(set) var steps: [Int: Int] = [:]
    /// Of all bodies.
    package private(set) var bytes = 0
    /// Of answers that are a success: from asking (or, at a rate, from when it was due) to the whole answer.
    package private(set) var roundTrip = Times()
    /// Of answers that say it: what the server says it took.
    package private(set) var took = Times()
    /// Requests that failed, by the reason.
    package private(set) var failures: [String: Int] = [:]

    package init() {}

    package var failed: Int { failures.values.reduce(0, +) }
    package var requests: Int { answered + failed }
    /// The share of answers for which PostgreSQL was not needed, 0...1; nil where none says.
    package var hitRate: Double? { toldTiers == 0 ? nil : Double(withoutPostgres) / Double(toldTiers) }

    mutating func add(_ answer: Answer, roundTripMs: Double) {
        bytes += answer.bytes
        guard (200...299).contains(answer.status) else { return fail("status \(answer.status)") }
        answered += 1
        if answer.isDegraded { degraded += 1 }
        if let isWithout = answer.isWithoutPostgres {
            toldTiers += 1
            if isWithout { withoutPostgres += 1 }
        }
        if let step = answer.stepMs { steps[step, default: 0] += 1 }
        roundTrip.add(roundTripMs)
        if let ms = answer.tookMs { took.add(ms) }
    }

    mutating func fail(_ reason: String) {
        let isKnown = failures[reason] != nil || failures.count < Self.maxReasons
        failures[isKnown ? reason : "others", default: 0] += 1
    }

    mutating func merge(_ other: AnswerTally) {
        answered += other.answered
        degraded += other.degraded
        toldTiers += other.toldTiers
        withoutPostgres += other.withoutPostgres
        bytes += other.bytes
        roundTrip.merge(other.roundTrip)
        took.merge(other.took)
        steps.merge(other.steps, uniquingKeysWith: +)
        for (reason, count) in other.failures { failures[reason, default: 0] += count }
    }
}
