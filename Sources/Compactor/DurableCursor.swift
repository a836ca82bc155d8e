internal import Analytics
internal import Service

/// Says from when on what a partition of Redis held is sure to survive its crash.
///
/// A partition's state only changes when its cursor moves. So what bears a version up to a cursor that was seen at some time has not
/// changed since, and once that time is `settling` ago, Redis has it on disk. Most of what a pass reads is older than the pass, so it
/// waits once, at its beginning, and not for every batch.
///
/// Holds for one run of Redis: whoever asks makes sure of that.
struct DurableCursor {
    private struct Sighting {
        let cursor: StreamID
        let atNs: UInt64
    }

    private let settlingNs: UInt64
    /// Ascending in both.
    private var sightings: [Sighting] = []

    /// `settling` is how long Redis may take to have on disk what it has acknowledged.
    init(settling: Duration) { settlingNs = settling.wholeNanoseconds }

    /// Redis said at `atNs` (monotonic) that `cursor` is where it stands. Earlier sightings that nobody needs any more are forgotten.
    mutating func saw(_ cursor: StreamID, atNs: UInt64) {
        if let last = sightings.last, cursor <= last.cursor { return }
        while sightings.count > 1, sightings[1].atNs + settlingNs <= atNs { sightings.removeFirst() }
        sightings.append(Sighting(cursor: cursor, atNs: atNs))
    }

    /// When (monotonic, ns) everything up to `version` is on disk; nil while no cursor so far was seen.
    func durableNs(_ version: StreamID) -> UInt64? {
        sightings.first { version <= $0.cursor }.map { $0.atNs + settlingNs }
    }

    /// The newest cursor that is on disk at `nowNs`.
    func durable(atNs nowNs: UInt64) -> StreamID {
        sightings.last { $0.atNs + settlingNs <= nowNs }?.cursor ?? .zero
    }
}
