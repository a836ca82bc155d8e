internal import Glibc

/// When something goes wrong, and where: every few minutes one service fails and slows down for a while.
struct IncidentPlan: Sendable {
    struct Incident: Sendable, Equatable {
        let service: Int
        let startMs: Double
        let endMs: Double
        /// The share of requests that fail at its height.
        let errorShare: Double
        /// How many times longer requests take at its height.
        let slowdown: Double

        /// From 0 at both ends to 1 in the middle.
        func intensity(atMs ms: Double) -> Double {
            ms <= startMs || ms >= endMs ? 0 : sin(.pi * (ms - startMs) / (endMs - startMs))
        }
    }

    private var random: RandomSource
    private let services: Int
    /// The one that goes on now, or comes next.
    private(set) var incident: Incident

    init(seed: UInt64, services: Int, startMs: Double) {
        random = RandomSource(seed: seed)
        self.services = services
        incident = Self.after(startMs, services: services, &random)
    }

    /// Goes on to the time `ms`, which never falls.
    mutating func advance(toMs ms: Double) {
        while ms >= incident.endMs { incident = Self.after(incident.endMs, services: services, &random) }
    }

    /// Forgets what was planned and plans from `ms` on.
    mutating func restart(atMs ms: Double) { incident = Self.after(ms, services: services, &random) }

    private static func after(_ ms: Double, services: Int, _ random: inout RandomSource) -> Incident {
        // One minute of quiet at least, three minutes on average.
        let start = ms + 60_000 + 120_000 * random.exponential()
        return Incident(
            service: random.below(services), startMs: start, endMs: start + 20_000 + 40_000 * random.uniform(),
            errorShare: 0.1 + 0.4 * random.uniform(), slowdown: 3 + 5 * random.uniform())
    }
}
