internal import Analytics
internal import Service
internal import WebServer
internal import Wire

/// What clients are told, and when.
extension LiveHub {
    /// A group has changed: what its subscribers see is due, now or when their pace allows.
    func touch(_ group: LiveGroup, _ now: UInt64) {
        for subscription in subscribers[group.question] ?? [] where subscription.dueNs == nil {
            subscription.dueNs = subscription.pacer.due(changedAt: now)
            dirty.append(subscription)
        }
    }

    /// Looks whether a group has begun anew since its subscribers saw it; then they need all of it.
    func settle(_ subscription: Subscription, _ now: UInt64) {
        if subscription.epoch != subscription.group.epoch {
            subscription.epoch = subscription.group.epoch
            dissolveCohorts(of: subscription)
            for membership in subscription.apart.values { membership.state = .waiting }
            subscription.hasWaiting = true
        }
        sendSnapshots(subscription)
    }

    /// Sends what is due, one write for each client.
    func flush(_ now: UInt64) {
        var later: [Subscription] = []
        for subscription in dirty {
            if let due = subscription.dueNs, due > now {
                later.append(subscription)
            } else {
                sendUpdate(subscription, now, due: subscription.dueNs ?? now)
                subscription.dueNs = nil
            }
        }
        dirty = later
        write()
        setAlarm(now)
    }

    /// Sends the whole window to those members of a subscription that need it and can take it. What the others in sync have
    /// not been told yet is in it too: they get it when it is due, and for these it is said twice.
    func sendSnapshots(_ subscription: Subscription) {
        guard subscription.hasWaiting, subscription.group.isReady else { return }
        subscription.hasWaiting = false
        if subscription.cohorts.isEmpty && !subscription.apart.values.contains(where: { $0.state == .inSync }) {
            subscription.sentVersion = subscription.group.version
        }
        var message: SharedMessage?
        for membership in subscription.apart.values where membership.state == .waiting {
            guard hasRoom(membership.client) else { continue }
            let made = message ?? snapshot(subscription)
            message = made
            queue(made, to: membership.client)
            membership.state = .inSync
            mayJoinCohort(membership.client)
        }
    }

    private func sendUpdate(_ subscription: Subscription, _ now: UInt64, due: UInt64) {
        let group = subscription.group
        guard group.isReady, subscription.epoch == group.epoch else { return }
        let since = subscription.sentVersion
        guard
            let bytes = LiveMessage.update(
                subscription.request, of: group, since: since, sequence: subscription.sequence + 1)
        else { return }
        metrics.updates.add()
        subscription.sequence += 1
        subscription.sentVersion = group.version
        subscription.pacer.sent(at: now, due: due)
        let message = update(bytes, of: group)
        for cohort in subscription.cohorts.values {
            let isFirst = cohort.add(Cohort.Due(subscription: subscription, message: message, since: since))
            if isFirst { dueCohorts.append(cohort) }
        }
        for membership in subscription.apart.values where membership.state == .inSync {
            if hasRoom(membership.client) {
                queue(message, to: membership.client)
            } else {
                membership.state = .behind(since: since)
            }
        }
    }

    private func update(_ text: [UInt8], of group: LiveGroup) -> SharedMessage {
        SharedMessage(text: text, event: "update", eventID: position(of: group).text)
    }

    // MARK: Slow clients

    /// Whether a client can be sent more; notes since when it cannot.
    func hasRoom(_ client: LiveClient) -> Bool {
        if client.behindSinceNs == nil && client.pendingBytes <= configuration.slowBytes { return true }
        noteBehind(client)
        return false
    }

    /// Something is kept back from a client.
    func noteBehind(_ client: LiveClient) {
        guard client.behindSinceNs == nil else { return }
        client.behindSinceNs = time.monotonicNs()
        behind[client.id] = client
    }

    /// A client has taken all that waited: it gets the newest state of what was kept back.
    func drained(_ id: UInt64) {
        guard let client = behind[id] else { return }
        catchUp(client)
        write()
    }

    private func catchUp(_ client: LiveClient) {
        guard client.pendingBytes <= configuration.slowBytes / 2 else { return }
        behind[client.id] = nil
        client.behindSinceNs = nil
        for membership in client.memberships.values { catchUp(membership) }
        mayJoinCohort(client)
    }

    /// Sends what a member lacks, as far as its client has room.
    func catchUp(_ membership: Membership) {
        let subscription = membership.subscription
        guard subscription.group.isReady, subscription.epoch == subscription.group.epoch else { return }
        switch membership.state {
        case .inSync: break
        case .waiting:
            subscription.hasWaiting = true
            sendSnapshots(subscription)
        case .behind(let since):
            guard hasRoom(membership.client) else { return }
            // It may know more than the others in the end, never less.
            let update = LiveMessage.update(
                subscription.request, of: subscription.group, since: since, sequence: subscription.sequence)
            if let update { queue(self.update(update, of: subscription.group), to: membership.client) }
            membership.state = .inSync
            mayJoinCohort(membership.client)
        }
    }

    /// Closes clients that have been slow for too long, and looks after those whose socket has drained unnoticed.
    func closeStalled(_ now: UInt64) {
        for client in behind.values {
            if let since = client.behindSinceNs, now >= since + UInt64(nanoseconds: configuration.slowDeadline) {
                cutOff(client, "Too slow: the server kept updates back for too long.")
            } else {
                drained(client.id)
            }
        }
    }

    private func cutOff(_ client: LiveClient, _ reason: String) {
        metrics.slowClients.add()
        disconnect(client.id)
        client.socket.abort(.tryAgainLater, reason)
    }

    // MARK: Writing

    /// Tells everybody which stores are missing, where that has changed.
    func tellStatus() {
        let now = degraded
        guard now != toldDegraded else { return }
        toldDegraded = now
        let message = SharedMessage(text: LiveMessage.status(degraded: now), event: "status")
        for client in clients.values { queue(message, to: client) }
        write()
    }

    /// Queues a message for one client.
    func queue(_ message: SharedMessage, to client: LiveClient) {
        metrics.frames.add()
        metrics.sentBytes.add(message.payload.count)
        if client.queue(message) { unwritten.append(client) }
    }

    /// Writes what is queued, each client in one write; cuts off who is past the hard limit.
    func write() {
        writeToCohorts()
        // Who took all at once although something was kept back gets that in the next round.
        while !unwritten.isEmpty {
            let clients = unwritten
            unwritten = []
            for client in clients {
                if client.pendingBytes > configuration.maxPendingBytes {
                    cutOff(client, "Too slow: too much is waiting for this client.")
                } else {
                    client.flush()
                    if client.behindSinceNs != nil { catchUp(client) }
                }
            }
        }
        formCohorts()
    }
}
