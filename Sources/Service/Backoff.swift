/// How long to wait before the next attempt: exponential with full jitter, so that many clients do not come back at once.
///
/// A pure value: the caller waits. The n-th delay is uniform in 0 ... min(longest, shortest * 2^n).
package struct Backoff: Sendable {
    private let shortest: Duration
    private let longest: Duration
    /// Attempts that failed since the start or the last `reset()`.
    package private(set) var failures = 0

    /// Makes a backoff whose first delay is up to `shortest` and whose delays never exceed `longest`.
    package init(shortest: Duration = .milliseconds(100), longest: Duration = .seconds(10)) {
        precondition(shortest > .zero && shortest <= longest, "0 < shortest <= longest")
        self.shortest = shortest
        self.longest = longest
    }

    /// The greatest delay that the next call of `next` may give.
    package var ceiling: Duration {
        var ceiling = shortest
        for _ in 0..<failures where ceiling < longest { ceiling *= 2 }
        return min(ceiling, longest)
    }

    /// Counts a failure and gives the delay before the next attempt.
    package mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
        let ceiling = ceiling
        failures += 1
        return ceiling * Double.random(in: 0...1, using: &generator)
    }

    /// Counts a failure and gives the delay before the next attempt, by the system's generator.
    package mutating func next() -> Duration {
        var generator = SystemRandomNumberGenerator()
        return next(using: &generator)
    }

    /// Starts over: the last attempt went well.
    package mutating func reset() { failures = 0 }
}
