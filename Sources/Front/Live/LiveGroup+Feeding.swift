internal import Analytics

/// A group that takes its seconds from a finer one, once they are over: of a second of many events it merges one sum, not each event.
///
/// ```
///           windowStart                     closedBefore        now
///   ────────────┼────────────────────────────────┼───────────────┼───▶ time
///               │  merged here; late deltas too  │  in `source`  │
/// ```
extension LiveGroup {
    /// Seconds stay open so long, for events that are a little late.
    static let openSeconds: Int64 = 5

    /// What begins at `closedBefore` or later is in `source`.
    var isFed: Bool {
        guard let source else { return true }
        return source.isWhole && source.windowStart <= closedBefore
    }

    /// Steps of `stepSeconds` that begin earlier are whole here; later ones may lack what is in `source`.
    func closedEnd(stepSeconds: Int64) -> Int64 { source == nil ? .max : closedBefore.rounded(downTo: stepSeconds) }

    /// Takes the seconds before `second` over from `source`.
    ///
    /// Returns false where it has forgotten some of them: then this group has forgotten everything, and begins anew.
    func close(before second: Int64, version: UInt64) -> Bool {
        guard let source, isReady, second > closedBefore, source.isWhole else { return true }
        guard source.windowStart <= closedBefore else {
            forget()
            return false
        }
        for index in source.series.indices {
            let line = source.series[index].buckets
            let seconds = line.indices(in: closedBefore..<second)
            guard !seconds.isEmpty, let place = place(of: source.series[index].labels) else { continue }
            for index in seconds {
                merge(line.aggregates[index], into: place, second: line.starts[index], version: version)
            }
        }
        closedBefore = second
        return true
    }
}
