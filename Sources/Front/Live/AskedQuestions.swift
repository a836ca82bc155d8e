internal import Analytics

/// What is asked by polling, decides which questions deserve a live group; a value without a clock.
///
/// A question that is asked for the third time within a minute gets one, unless its answer is small. The window of a group reaches
/// back as far as Redis answers, no further: what lies before it comes from the cache of history.
struct AskedQuestions {
    /// So often a question must be asked within `withinNs`.
    private static let times = 3
    private static let withinNs: UInt64 = 60_000_000_000
    /// Buckets of series below which answering costs less than keeping.
    private static let fewBuckets = 5_000
    private static let maxRemembered = 1_000
    /// Past it every minute is PostgreSQL's, in normal running: an hour, and two of the steps that B moves by.
    static let longestWindow: Int64 = 3_600 + 2 * 600
    /// How long a question whose group was too large gets none.
    private static let unfitNs: UInt64 = 600_000_000_000

    private struct Asked {
        var count = 0
        var sinceNs: UInt64
        var window: Int64 = 0
    }

    private var asked: [LiveQuestion.Content: Asked] = [:]
    private var unfitUntilNs: [LiveQuestion.Content: UInt64] = [:]

    /// Counts a question of `window` seconds before now over `series` series; returns the window of the group it deserves.
    mutating func count(
        _ content: LiveQuestion.Content, window: Int64, series: Int, nowNs: UInt64
    ) -> Int64? {
        let kept = min(window, Self.longestWindow)
        // Redis and the ring have a bucket of 10 s at the coarsest.
        guard Int64(series) * (kept / min(max(content.stepSeconds, 1), 10)) > Self.fewBuckets else { return nil }
        if let until = unfitUntilNs[content] {
            if nowNs < until { return nil }
            unfitUntilNs[content] = nil
        }
        if asked.count >= Self.maxRemembered {
            asked = asked.filter { nowNs < $0.value.sinceNs + Self.withinNs }
            if asked.count >= Self.maxRemembered { asked = [:] }
        }
        var one = asked[content] ?? Asked(sinceNs: nowNs)
        if nowNs >= one.sinceNs + Self.withinNs { one = Asked(sinceNs: nowNs) }
        one.count += 1
        one.window = max(one.window, kept)
        asked[content] = one.count < Self.times ? one : nil
        return one.count < Self.times ? nil : one.window
    }

    /// The group was too large: the question gets none for a while.
    mutating func isUnfit(_ content: LiveQuestion.Content, nowNs: UInt64) {
        if unfitUntilNs.count >= Self.maxRemembered { unfitUntilNs = [:] }
        unfitUntilNs[content] = nowNs + Self.unfitNs
    }
}
