internal import Service
internal import Synchronization

/// How long a loop's thread works between two looks at its events: the time by which everything else on it is late.
///
/// Written by the loop's thread, read by any.
package final class LoopDelay: Sendable {
    private let beganNs = Atomic<UInt64>(0)
    private let worstNs = Atomic<UInt64>(0)

    /// The longest stretch of queued work since the last call, in seconds; reading starts a new measurement.
    package func takeWorstSeconds() -> Double {
        Double(worstNs.exchange(0, ordering: .relaxed)) / 1e9
    }

    func turnBegins() { beganNs.store(Self.nowNs(), ordering: .relaxed) }

    func turnEnds() {
        let took = Self.nowNs() &- beganNs.load(ordering: .relaxed)
        if took > worstNs.load(ordering: .relaxed) { worstNs.store(took, ordering: .relaxed) }
    }

    private static func nowNs() -> UInt64 {
        TimeSource.system.monotonicNs()
    }
}
