internal import Service
internal import WebServer

/// Telling many clients the same, at the cost of one send each.
extension LiveHub {
    /// Puts clients into cohorts that have come to be in sync with all of what they asked for.
    func formCohorts() {
        guard !settled.isEmpty else { return }
        let candidates = settled
        settled.removeAll(keepingCapacity: true)
        for client in candidates {
            client.isSettled = false
            guard client.cohort == nil, client.behindSinceNs == nil, clients[client.id] === client,
                !client.memberships.isEmpty, client.memberships.values.allSatisfy({ $0.state == .inSync })
            else { continue }
            join(client)
        }
    }

    /// Something of a client has come to be in sync: perhaps all of it is.
    func mayJoinCohort(_ client: LiveClient) {
        guard client.cohort == nil, !client.isSettled else { return }
        client.isSettled = true
        settled.append(client)
    }

    private func join(_ client: LiveClient) {
        let subscriptions = client.memberships.values.map(\.subscription)
        let key = Cohort.Key(form: client.socket.form, subscriptions: subscriptions.map(ObjectIdentifier.init).sorted())
        let cohort: Cohort
        if let known = cohorts[key] {
            cohort = known
        } else {
            cohort = Cohort(key, subscriptions)
            cohorts[key] = cohort
            for subscription in subscriptions { subscription.cohorts[ObjectIdentifier(cohort)] = cohort }
        }
        cohort.add(client)
        for subscription in subscriptions { subscription.apart[client.id] = nil }
    }

    /// Takes a client out of its cohort, if it is in one: it is told apart from the others until it is in sync again.
    func leaveCohort(_ client: LiveClient) {
        guard let cohort = client.cohort else { return }
        cohort.remove(client)
        for membership in client.memberships.values { membership.subscription.apart[client.id] = membership }
        guard cohort.clients.isEmpty else { return }
        cohorts[cohort.key] = nil
        for subscription in cohort.subscriptions { subscription.cohorts[ObjectIdentifier(cohort)] = nil }
    }

    /// Takes all clients out of the cohorts of a subscription.
    func dissolveCohorts(of subscription: Subscription) {
        for cohort in Array(subscription.cohorts.values) {
            for client in cohort.clients { leaveCohort(client) }
        }
    }

    /// Writes to the cohorts what is due for them.
    func writeToCohorts() {
        guard !dueCohorts.isEmpty else { return }
        let cohorts = dueCohorts
        dueCohorts.removeAll(keepingCapacity: true)
        for cohort in cohorts { write(cohort.takeDue(), to: cohort) }
    }

    private func write(_ due: [Cohort.Due], to cohort: Cohort) {
        guard let first = cohort.sockets.first else { return }
        let bytes = due.reduce(0) { $0 + $1.message.payload.count }
        guard configuration.slowBytes + bytes <= configuration.maxPendingBytes else {
            // One write could bring a client past the hard limit: each is looked at.
            for client in cohort.clients {
                guard hasRoom(client) else {
                    fallBehind(client, due)
                    continue
                }
                for update in due { queue(update.message, to: client) }
            }
            return
        }
        let encoded = first.encode(due.map(\.message))
        let limit = configuration.slowBytes
        var slow: [LiveClient] = []
        for (index, socket) in cohort.sockets.enumerated() where !socket.send(encoded: encoded, unlessWaiting: limit) {
            slow.append(cohort.clients[index])
        }
        let told = cohort.clients.count - slow.count
        metrics.frames.add(told * due.count)
        metrics.sentBytes.add(told * bytes)
        for client in slow { fallBehind(client, due) }
    }

    /// A client of a cohort has no room for what is due: it is kept back.
    private func fallBehind(_ client: LiveClient, _ due: [Cohort.Due]) {
        leaveCohort(client)
        noteBehind(client)
        for update in due {
            client.memberships[update.subscription.request.id]?.state = .behind(since: update.since)
        }
    }
}
