internal import Analytics
internal import Service
internal import Wire

/// What clients ask for.
extension LiveHub {
    /// Takes a client on under a number of its own, and greets it.
    func connect(_ socket: any LiveSocket, as id: UInt64) {
        let client = LiveClient(id: id, socket: socket)
        clients[id] = client
        socket.onDrained { [weak self] in self?.assumeIsolated { $0.drained(id) } }
        queue(LiveMessage.hello(serverTimeMs: time.wallMs()), to: client)
        if !degraded.isEmpty { queue(LiveMessage.status(degraded: degraded), to: client) }
        write()
    }

    /// A client has gone, or is about to.
    func disconnect(_ id: UInt64) {
        guard let client = clients.removeValue(forKey: id) else { return }
        behind[id] = nil
        for membership in client.memberships.values { leave(membership) }
        client.memberships = [:]
    }

    /// Takes a text message of a client.
    func receive(text: [UInt8], from id: UInt64) {
        guard let client = clients[id] else { return }
        if memory.catalog.definitions.version == 0 && client.held.count < configuration.maxSubscriptions {
            client.held.append(text)
            return
        }
        switch ClientMessage(text, definitions: memory.catalog.definitions) {
        case .subscribe(let request): subscribe(client, request)
        case .unsubscribe(let name):
            if let membership = client.memberships.removeValue(forKey: name) {
                leave(membership)
            } else {
                queue(LiveMessage.error(id: name, detail: "There is no subscription '\(name)'."), to: client)
            }
        case .ping: queue(LiveMessage.pong, to: client)
        case .bad(let name, let detail): queue(LiveMessage.error(id: name, detail: detail), to: client)
        case .unreadable: end(client, .invalidPayload, "Messages are JSON objects.")
        }
        write()
    }

    /// The metrics are known for the first time: what was held back is answered.
    func receiveHeld() {
        for client in Array(clients.values) {
            let texts = client.held
            client.held = []
            for text in texts { receive(text: text, from: client.id) }
        }
    }

    /// Takes a binary message of a client, which no client of ours sends.
    func receiveBinary(from id: UInt64) {
        guard let client = clients[id] else { return }
        end(client, .unsupportedData, "Messages are JSON objects, sent as text.")
    }

    /// Says goodbye.
    func end(_ client: LiveClient, _ code: WebSocketCloseCode, _ reason: String) {
        disconnect(client.id)
        client.socket.close(code, reason)
    }

    private func subscribe(_ client: LiveClient, _ request: SubscriptionRequest) {
        if let before = client.memberships[request.id] {
            // The same again: the client wants to see everything anew.
            client.memberships[request.id] = nil
            leave(before)
        }
        guard client.memberships.count < configuration.maxSubscriptions else {
            refuse(client, request, "At most \(configuration.maxSubscriptions) subscriptions a connection.")
            return
        }
        guard let subscription = subscription(for: request) else {
            refuse(client, request, "The server follows as many different questions as it can; try again later.")
            return
        }
        let membership = Membership(client: client, subscription: subscription)
        subscription.members[client.id] = membership
        subscription.hasWaiting = true
        client.memberships[request.id] = membership
        sendSnapshots(subscription)
    }

    private func refuse(_ client: LiveClient, _ request: SubscriptionRequest, _ detail: String) {
        queue(LiveMessage.error(id: request.id, detail: detail), to: client)
    }

    /// The shared subscription for a request; nil where there is no room for another question.
    private func subscription(for request: SubscriptionRequest) -> Subscription? {
        if let known = subscriptions[request] { return known }
        guard let metric = memory.catalog.definitions[request.question.metric] else { return nil }
        if memory.groups[request.question] == nil {
            if memory.groups.count >= configuration.maxGroups {
                guard let oldest = idleSinceNs.min(by: { $0.value < $1.value })?.key else { return nil }
                drop(oldest)
            }
        }
        let group = memory.group(request.question, metric: metric)
        let subscription = Subscription(request, group: group)
        subscription.sentVersion = group.version
        subscriptions[request] = subscription
        subscribers[request.question, default: []].append(subscription)
        idleSinceNs[request.question] = nil
        if !group.isReady { startFilling(request.question) }
        return subscription
    }

    private func leave(_ membership: Membership) {
        let subscription = membership.subscription
        subscription.members[membership.client.id] = nil
        guard subscription.members.isEmpty else { return }
        let question = subscription.request.question
        subscriptions[subscription.request] = nil
        subscribers[question]?.removeAll { $0 === subscription }
        dirty.removeAll { $0 === subscription }
        if subscribers[question]?.isEmpty ?? true {
            subscribers[question] = nil
            idleSinceNs[question] = time.monotonicNs()
        }
    }
}
