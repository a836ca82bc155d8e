internal import Analytics
internal import Service
internal import WebServer
internal import Wire

/// What clients ask for.
extension LiveHub {
    /// Takes a client on under a number of its own, and greets it.
    func connect(_ socket: any LiveSocket, as id: UInt64) {
        let client = LiveClient(id: id, socket: socket)
        clients[id] = client
        socket.onDrained { [weak self] in self?.assumeIsolated { $0.drained(id) } }
        queue(SharedMessage(text: LiveMessage.hello(serverTimeMs: time.wallMs()), event: "hello"), to: client)
        if !degraded.isEmpty {
            queue(SharedMessage(text: LiveMessage.status(degraded: degraded), event: "status"), to: client)
        }
        write()
    }

    /// A client has gone, or is about to.
    func disconnect(_ id: UInt64) {
        guard let client = clients.removeValue(forKey: id) else { return }
        behind[id] = nil
        leaveCohort(client)
        for membership in client.memberships.values { leave(membership) }
        client.memberships = [:]
    }

    /// Takes a text message of a client.
    func receive(text: [UInt8], from id: UInt64) {
        guard let client = clients[id] else { return }
        if memory.catalog.definitions.version == 0 {
            // What metrics there are is not known yet; what is wrong about a message cannot be said.
            guard client.held.count < configuration.maxSubscriptions else {
                return end(client, .policyViolation, "Too many messages before the server knows its metrics.")
            }
            client.held.append(text)
            return
        }
        switch ClientMessage(text, definitions: memory.catalog.definitions) {
        case .subscribe(let request): subscribe(client, request)
        case .unsubscribe(let name):
            if client.memberships[name] != nil { leaveCohort(client) }
            if let membership = client.memberships.removeValue(forKey: name) {
                leave(membership)
                mayJoinCohort(client)
            } else {
                tell(client, error: "There is no subscription '\(name)'.", id: name)
            }
        case .ping: queue(SharedMessage(text: LiveMessage.pong), to: client)
        case .bad(let name, let detail): tell(client, error: detail, id: name)
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
        let streams = heldStreams
        heldStreams = []
        for open in streams { open() }
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

    /// Adds a subscription of a client; one that has seen everything up to `seen` needs no snapshot.
    private func subscribe(_ client: LiveClient, _ request: SubscriptionRequest, seen: LivePosition? = nil) {
        leaveCohort(client)
        // Where nothing comes of it.
        mayJoinCohort(client)
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
        subscription.apart[client.id] = membership
        subscription.hasWaiting = true
        client.memberships[request.id] = membership
        if let seen, subscription.group.isReady, seen.isBefore(position(of: subscription.group)) {
            membership.state = .behind(since: seen.version)
            catchUp(membership)
        } else {
            sendSnapshots(subscription)
        }
    }

    /// Takes on a client of an event stream, which has one subscription and no other; `seen` is where its last one ended.
    func connect(_ socket: any LiveSocket, as id: UInt64, _ request: SubscriptionRequest, seen: LivePosition?) {
        connect(socket, as: id)
        guard let client = clients[id] else { return }
        subscribe(client, request, seen: seen)
        write()
    }

    /// Where a client stands that has everything of a group.
    func position(of group: LiveGroup) -> LivePosition {
        LivePosition(front: front, group: group.number, epoch: group.epoch, version: group.version)
    }

    private func refuse(_ client: LiveClient, _ request: SubscriptionRequest, _ detail: String) {
        tell(client, error: detail, id: request.id)
    }

    private func tell(_ client: LiveClient, error detail: String, id: String?) {
        queue(SharedMessage(text: LiveMessage.error(id: id, detail: detail), event: "error"), to: client)
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
        subscription.apart[membership.client.id] = nil
        guard subscription.isEmpty else { return }
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
