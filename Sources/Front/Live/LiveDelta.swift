package import Analytics

/// What one applied batch adds to one line in one second.
struct LiveDelta {
    let partition: Int
    /// The partition's cursor after the batch.
    let to: StreamID
    let line: Int
    /// Seconds since 1970.
    let second: Int64
    let record: Record
}

/// What the stores answered for a part of a live group's window.
package struct HistoryPart: Sendable {
    /// Whole buckets, by labels and start in seconds.
    package var buckets: [LabelSet: [Int64: Aggregate]] = [:]
    /// By partition, the cursors of the first and the last of its reads; nil for a partition nothing was read from.
    package var cursors: [ClosedRange<StreamID>?] = []
    /// Length of the buckets: at least what was asked for.
    package var stepSeconds: Int64
    /// Where it came from, and what was missing.
    package var tiers: [String] = []
    package var degraded: [String] = []

    package init(stepSeconds: Int64) { self.stepSeconds = stepSeconds }

    /// Whether a batch's deltas are in it; nil where they may be in a part of it only.
    func holds(partition: Int, to: StreamID) -> Bool? {
        guard partition < cursors.count, let cursors = cursors[partition] else { return false }
        return to <= cursors.lowerBound ? true : to > cursors.upperBound ? false : nil
    }
}

extension Int64 {
    /// The greatest multiple of `step` that is not above it.
    func rounded(downTo step: Int64) -> Int64 {
        let rest = self % step
        return self - (rest < 0 ? rest + step : rest)
    }

    /// The smallest multiple of `step` that is not below it.
    func rounded(upTo step: Int64) -> Int64 { -(-self).rounded(downTo: step) }
}
