/// When a subscription's next update is due: at once after quiet, else not before `every` has passed since the last.
///
/// Subscriptions that are busy drift, by at most a tenth of `every` a time, towards the same instants (multiples of `every`
/// of the clock), so that one write per socket soon carries all that is due.
struct Pacer {
    private static let maxDriftNs: UInt64 = 10_000_000

    let everyNs: UInt64
    private var sentNs: UInt64?

    init(everyNs: UInt64) { self.everyNs = everyNs }

    /// When a change that came at `nowNs` may be sent.
    func due(changedAt nowNs: UInt64) -> UInt64 {
        guard let sentNs, nowNs < sentNs + everyNs else { return nowNs }
        let earliest = sentNs + everyNs
        let beyond = earliest % everyNs
        let toMeeting = beyond == 0 ? 0 : everyNs - beyond
        return earliest + min(toMeeting, everyNs / 10, Self.maxDriftNs)
    }

    /// An update that was due at `dueNs` went out.
    ///
    /// Timers are late, by some 5 ms at worst (libevent looks at a clock that moves every 4 ms). The next is reckoned from when
    /// this one was due: from when it went out, it would miss the common instant every time, and drift on for ever.
    mutating func sent(at nowNs: UInt64, due dueNs: UInt64) {
        sentNs = nowNs <= dueNs + everyNs / 4 ? dueNs : nowNs
    }
}
