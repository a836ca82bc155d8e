internal import WebServer

/// One connected client: its socket, what it has subscribed to, and what is about to be written to it.
final class LiveClient {
    let id: UInt64
    let socket: any LiveSocket
    /// By the client's ids.
    var memberships: [String: Membership] = [:]
    /// Messages for the next write.
    private(set) var outbox: [SharedMessage] = []
    /// What they have without compression: asked for each message, so not added up each time.
    private var outboxBytes = 0
    /// What waited in the socket when the first of them was queued; nothing moves there before they are written.
    private var socketBytes = 0
    /// Messages that came before the metrics were known.
    var held: [[UInt8]] = []
    /// Since when, on the monotonic clock, something has been kept back because the client is slow; nil when it is not.
    var behindSinceNs: UInt64?
    /// With whom it is told what is due, and where it stands there; nil while it is told apart.
    weak var cohort: Cohort?
    var indexInCohort = 0
    /// It is about to be looked at for whether it may join one.
    var isSettled = false

    init(id: UInt64, socket: any LiveSocket) {
        self.id = id
        self.socket = socket
    }

    /// Adds a message to the next write; true for the first.
    func queue(_ message: SharedMessage) -> Bool {
        if outbox.isEmpty { socketBytes = socket.pendingBytes }
        outbox.append(message)
        outboxBytes += message.payload.count
        return outbox.count == 1
    }

    /// Writes what is queued.
    func flush() {
        if outbox.isEmpty { return }
        socket.send(messages: outbox)
        outbox.removeAll(keepingCapacity: true)
        outboxBytes = 0
    }

    /// Bytes that wait for the client; those not written yet as they are without compression.
    var pendingBytes: Int { outbox.isEmpty ? socket.pendingBytes : socketBytes + outboxBytes }
}

/// One client's part in a shared subscription.
final class Membership {
    enum State: Equatable {
        /// Needs all buckets.
        case waiting
        /// Has everything that was sent.
        case inSync
        /// Was too slow: has everything up to this version.
        case behind(since: UInt64)
    }

    unowned let client: LiveClient
    unowned let subscription: Subscription
    var state = State.waiting

    init(client: LiveClient, subscription: Subscription) {
        self.client = client
        self.subscription = subscription
    }
}

/// A question with its pace, shared by all clients that ask the same under the same id: computed and encoded once.
final class Subscription {
    let request: SubscriptionRequest
    let group: LiveGroup
    /// Members that are told apart from others, by client; who is in a cohort is in none of them.
    var apart: [UInt64: Membership] = [:]
    /// Members that are told together with others; all of them are in sync.
    var cohorts: [ObjectIdentifier: Cohort] = [:]
    /// Some of the members need a snapshot.
    var hasWaiting = true
    /// Number of the last update.
    var sequence = 0
    /// Members in sync have everything up to this version of the group.
    var sentVersion: UInt64 = 0
    /// The group's epoch that the members in sync know.
    var epoch: Int
    var pacer: Pacer
    /// When the next update is due; nil where nothing has changed.
    var dueNs: UInt64?

    var isEmpty: Bool { apart.isEmpty && cohorts.isEmpty }

    init(_ request: SubscriptionRequest, group: LiveGroup) {
        self.request = request
        self.group = group
        epoch = group.epoch
        pacer = Pacer(everyNs: UInt64(request.everyMs) * 1_000_000)
    }
}
