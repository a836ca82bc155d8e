internal import Synchronization

/// A number that only grows: events, bytes, failures. Safe from any thread, no lock.
package final class Counter: Sendable {
    private let count = Atomic<UInt64>(0)

    /// Makes a counter that belongs to no registry yet; `MetricsRegistry.counter` is the usual way.
    package init() {}

    /// Adds `amount`, which must not be negative.
    package func add(_ amount: Int = 1) {
        precondition(amount >= 0, "a counter never falls")
        count.wrappingAdd(UInt64(amount), ordering: .relaxed)
    }

    /// What has been counted since the process started.
    package var value: UInt64 { count.load(ordering: .relaxed) }
}

/// A number that rises and falls: connections open, bytes held. Safe from any thread, no lock.
package final class Gauge: Sendable {
    private let bits = Atomic<UInt64>(0)

    /// Makes a gauge of 0 that belongs to no registry yet; `MetricsRegistry.gauge` is the usual way.
    package init() {}

    /// The number now.
    package var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    /// Replaces the number.
    package func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

    /// Adds `amount`, which may be negative.
    package func add(_ amount: Double) {
        var seen = bits.load(ordering: .relaxed)
        while true {
            let sum = (Double(bitPattern: seen) + amount).bitPattern
            let result = bits.weakCompareExchange(expected: seen, desired: sum, ordering: .relaxed)
            if result.exchanged { return }
            seen = result.original
        }
    }
}

/// How often a value fell into each of a few ranges. Safe from any thread; one lock, held for a search of the ranges.
package final class Histogram: Sendable {
    /// Upper bounds for how long things take, in seconds: 0.5 ms to 10 s.
    package static let latencySeconds: [Double] = [
        0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]

    struct State: Sendable {
        /// For each bound the values at or below it and above the one before; at the end those above all bounds.
        var counts: [UInt64]
        var sum = 0.0
    }

    let upperBounds: [Double]
    private let state: Lock<State>

    /// Makes a histogram with a range up to and including each of `upperBounds`, which rise, and one above them all.
    package init(upperBounds: [Double]) {
        precondition(
            !upperBounds.isEmpty && upperBounds.allSatisfy(\.isFinite), "bounds are finite, +Inf comes by itself")
        precondition(zip(upperBounds, upperBounds.dropFirst()).allSatisfy { $0 < $1 }, "bounds rise")
        self.upperBounds = upperBounds
        state = Lock(State(counts: Array(repeating: 0, count: upperBounds.count + 1)))
    }

    /// Counts `value`; one that is not a number is left out.
    package func observe(_ value: Double) {
        guard !value.isNaN else { return }
        let index = upperBounds.firstIndex { value <= $0 } ?? upperBounds.count
        state.withLock { state in
            state.counts[index] += 1
            state.sum += value
        }
    }

    /// Counts a length of time, in seconds.
    package func observe(nanoseconds: UInt64) { observe(Double(nanoseconds) / 1e9) }

    /// How many values were counted.
    package var count: UInt64 { snapshot().counts.reduce(0, +) }

    func snapshot() -> State { state.withLock { $0 } }
}
