internal import Analytics
internal import Service

/// Giving groups their buckets: from the ring, and from the stores what lies before it.
extension LiveHub {
    /// Seconds of events merged in one turn of the loop: about 2 ms.
    static let workPerTurn = 2_000

    /// Has a group filled, unless that is under way.
    func startFilling(_ question: LiveQuestion) {
        guard filling.insert(question).inserted else { return }
        newJobs.yield(.fill(question))
    }

    /// Has the groups filled of whose window a part has changed in the stores.
    func fillOutdated() {
        for group in memory.groups.values where group.isReady && group.outdated != nil {
            startFilling(group.question)
        }
    }

    /// Works on a group until it is ready and nothing of it is outdated.
    func fill(_ question: LiveQuestion) async {
        defer { filling.remove(question) }
        var backoff = Backoff(shortest: .milliseconds(100), longest: .seconds(5))
        while !Task.isCancelled, let group = memory.groups[question] {
            if group.isReady {
                guard let range = group.takeOutdated() else { return }
                group.beginReading(range, linesKnown: memory.catalog.lines.count)
            } else {
                guard memory.isCurrent else { return }
                memory.begin(group, now: time.wallMs() / 1000)
                guard await seed(group) else { continue }
            }
            guard let range = group.reading else {
                becameReady(group)
                continue
            }
            let epoch = group.epoch
            do {
                let part = try await history.read(
                    group.metric, by: question.by, filter: question.filter, from: range.lowerBound,
                    to: range.upperBound, stepSeconds: group.stepSeconds)
                if group.epoch == epoch { memory.saw(part.cursors) }
                while group.epoch == epoch && !memory.hasReached(part.cursors) && !isStopping { await nextNews() }
                guard group.epoch == epoch else { continue }
                if part.stepSeconds > group.stepSeconds {
                    group.rise(toStep: part.stepSeconds)
                    continue
                }
                if group.install(part, version: memory.nextVersion()) {
                    backoff.reset()
                    becameReady(group)
                    continue
                }
            } catch {
                logger.debug("live: \(error)", ["metric": "\(question.metric)"])
            }
            // What has come of it meanwhile is too much, or not enough.
            if group.epoch == epoch { group.giveUpReading() }
            await pause(backoff.next())
        }
    }

    /// Gives groups of one step and window, of metrics that share series, their buckets with one read of the stores. Those that are
    /// not ready then have to be filled one by one.
    func fillTogether(_ questions: [LiveQuestion]) async {
        let fresh = questions.filter { memory.groups[$0]?.isReady == false && filling.insert($0).inserted }
        defer { filling.subtract(fresh) }
        let groups = fresh.compactMap { memory.groups[$0] }
        let now = time.wallMs() / 1_000
        for group in groups { memory.begin(group, now: now) }
        let epochs = groups.map(\.epoch)
        for group in groups {
            guard await seed(group) else { return }
            if group.isReady { becameReady(group) }
        }
        guard let range = groups.first?.reading, groups.allSatisfy({ $0.reading == range }) else { return }
        let asked = groups.map { LiveRead(metric: $0.metric, by: $0.question.by) }
        guard
            let parts = try? await history.read(
                asked, from: range.lowerBound, to: range.upperBound, stepSeconds: groups[0].stepSeconds),
            parts.allSatisfy({ $0.stepSeconds == groups[0].stepSeconds })
        else { return }
        for (index, group) in groups.enumerated() where group.epoch == epochs[index] {
            memory.saw(parts[index].cursors)
            while group.epoch == epochs[index], !memory.hasReached(parts[index].cursors), !isStopping {
                await nextNews()
            }
            guard group.epoch == epochs[index] else { continue }
            if group.install(parts[index], version: memory.nextVersion()) { becameReady(group) }
            await Task.yield()
        }
    }

    /// Takes the ring's part in, a few lines a turn; false where the group was forgotten meanwhile.
    private func seed(_ group: LiveGroup) async -> Bool {
        let epoch = group.epoch
        var next: Int? = 0
        while let line = next {
            next = memory.seed(group, from: line, work: Self.workPerTurn)
            guard next != nil else { break }
            await Task.yield()
            guard group.epoch == epoch else { return false }
            guard memory.ring.start <= group.liveFrom else {
                group.forget()  // it took so long that the ring has moved on
                return false
            }
        }
        return true
    }

    /// A group has all its buckets, or some of them anew: snapshots and updates go out.
    private func becameReady(_ group: LiveGroup) {
        let now = time.monotonicNs()
        for subscription in subscribers[group.question] ?? [] { settle(subscription, now) }
        touch(group, now)
        flush(now)
    }
}
