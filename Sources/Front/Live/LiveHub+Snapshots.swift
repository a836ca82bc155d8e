internal import Analytics
internal import Service
internal import WebServer

extension LiveHub {
    /// The whole window of a subscription, as it is now; encoded once for all who ask before something changes.
    func snapshot(_ subscription: Subscription) -> SharedMessage {
        let group = subscription.group
        let nowMs = time.wallMs()
        let key = RecentSnapshots.Key(
            request: subscription.request, position: position(of: group), sequence: subscription.sequence,
            from: group.windowStart, to: nowMs.rounded(upTo: group.stepSeconds * 1_000), newestMs: memory.newestMs,
            degraded: Set(degraded + group.degraded).sorted())
        return recentSnapshots.message(key) {
            metrics.snapshots.add()
            return SharedMessage(
                text: LiveMessage.snapshot(
                    subscription.request, of: group, sequence: subscription.sequence, nowMs: nowMs,
                    newestMs: memory.newestMs, degraded: key.degraded),
                event: "snapshot", eventID: key.position.text)
        }
    }
}
