/// How a `LiveHub` treats memory and its clients.
package struct LiveConfiguration: Sendable {
    /// Bytes the ring may hold; default 256 MiB. Past it the oldest seconds go first.
    package var maxRingBytes = 256 << 20
    /// A client with more bytes waiting gets no updates until it has taken them, then the newest state; default 128 KiB.
    package var slowBytes = 128 << 10
    /// A client with more bytes waiting is closed with 1013; default 4 MiB.
    package var maxPendingBytes = 4 << 20
    /// A client that stays slow for so long is closed with 1013; default 2 min.
    package var slowDeadline = Duration.seconds(120)
    /// Subscriptions of one client; default 128.
    package var maxSubscriptions = 128
    /// Different questions kept up to date at once; default 1000.
    package var maxGroups = 1_000
    /// How long a question nobody asks any more is kept for one who comes back; default 30 s.
    package var groupIdle = Duration.seconds(30)
    /// Questions that are kept up to date for those who poll; default 64.
    package var maxPollGroups = 64
    /// Bytes that these may have; default 128 MiB. Past it those not asked for the longest go.
    package var maxPollBytes = 128 << 20
    /// How long such a question is kept when nobody asks; default 2 min.
    package var pollIdle = Duration.seconds(120)
    /// Metrics with so many series have standing groups; default 20 to 5,000.
    package var standingSeries = 20...5_000
    /// Labels with more values have none; default 100.
    package var maxStandingValues = 100
    /// Bytes that standing groups may have together, 0 for none; default 256 MiB.
    package var maxStandingBytes = 256 << 20
    /// How long one read of the live stream waits for news; default 5 s.
    package var wait = Duration.seconds(5)
    /// How often a part that a store could not give is asked for again; default 5 s.
    package var retry = Duration.seconds(5)
    /// How often an event stream says that it lives; default 15 s, as WebSockets are pinged.
    package var heartbeat = Duration.seconds(15)

    package init() {}
}
