/// When a child process that ended is started again: after an exponential backoff with full jitter, which starts over once a
/// child has lived long enough to count as healthy.
///
/// A pure value: the caller watches the clock and the child.
package struct RestartPolicy: Sendable {
    private let healthyAfter: Duration
    private var backoff: Backoff

    /// Makes a policy: delays of up to `shortest` at first and never above `longest`.
    package init(
        shortest: Duration = .milliseconds(100), longest: Duration = .seconds(10), healthyAfter: Duration = .seconds(60)
    ) {
        backoff = Backoff(shortest: shortest, longest: longest)
        self.healthyAfter = healthyAfter
    }

    /// How many restarts in a row found no healthy child.
    package var failures: Int { backoff.failures }

    /// How long to wait before starting the child again that lived for `lifetime`.
    package mutating func delay(
        afterLifetime lifetime: Duration, using generator: inout some RandomNumberGenerator
    ) -> Duration {
        if lifetime >= healthyAfter { backoff.reset() }
        return backoff.next(using: &generator)
    }

    /// How long to wait before starting the child again that lived for `lifetime`, by the system's generator.
    package mutating func delay(afterLifetime lifetime: Duration) -> Duration {
        var generator = SystemRandomNumberGenerator()
        return delay(afterLifetime: lifetime, using: &generator)
    }
}
