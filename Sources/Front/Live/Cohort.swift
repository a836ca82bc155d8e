internal import WebServer

/// Clients that are told the same: they have the same subscriptions, take messages in the same form, and none is behind.
///
/// What is due for them is put together and encoded once; what is left to do for each is one send. A client is in a cohort
/// as long as it keeps up and asks for nothing else; meanwhile its memberships are in sync, and no subscription lists them.
final class Cohort {
    struct Key: Hashable {
        let form: MessageForm
        /// Ascending.
        let subscriptions: [ObjectIdentifier]
    }

    /// One update of those that are due, and up to which version of the group the clients had seen everything before it.
    struct Due {
        let subscription: Subscription
        let message: SharedMessage
        let since: UInt64
    }

    let key: Key
    let subscriptions: [Subscription]
    private(set) var clients: [LiveClient] = []
    /// Those of `clients`, so that a write need not look at the clients.
    private(set) var sockets: [any LiveSocket] = []
    /// For the next write.
    private(set) var due: [Due] = []

    init(_ key: Key, _ subscriptions: [Subscription]) {
        self.key = key
        self.subscriptions = subscriptions
    }

    func add(_ client: LiveClient) {
        client.cohort = self
        client.indexInCohort = clients.count
        clients.append(client)
        sockets.append(client.socket)
    }

    func remove(_ client: LiveClient) {
        precondition(client.cohort === self, "a client leaves the cohort that it is in")
        client.cohort = nil
        // The last takes its place; who is told first within a write means nothing.
        let (last, socket) = (clients.removeLast(), sockets.removeLast())
        guard last !== client else { return }
        clients[client.indexInCohort] = last
        sockets[client.indexInCohort] = socket
        last.indexInCohort = client.indexInCohort
    }

    /// Adds an update to the next write; true for the first.
    func add(_ update: Due) -> Bool {
        due.append(update)
        return due.count == 1
    }

    /// Takes what is due out.
    func takeDue() -> [Due] {
        defer { due = [] }
        return due
    }
}
