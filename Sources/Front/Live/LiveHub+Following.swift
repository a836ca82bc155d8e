internal import Analytics
internal import Service

extension LiveHub {
    /// Starts a follower for each partition there is, and for those that appear later.
    func watchPartitions() async {
        var backoff = Backoff(shortest: .milliseconds(50), longest: .seconds(5))
        while !Task.isCancelled {
            do {
                let count = try await store.partitionCount()
                backoff.reset()
                while memory.followers.count < count {
                    newJobs.yield(.follow(partition: memory.addPartition()))
                }
                // With the first batch under new definitions they would be heard of, too; but not as long as nothing comes in.
                if let read = try await store.definitions() {
                    if read.version > memory.catalog.definitions.version { define(read) }
                    definitionsReadNs = time.monotonicNs()
                }
                // A new partition has events within moments of its birth.
                await pause(.seconds(1))
            } catch {
                if memory.followers.isEmpty { setReachable(partition: 0, false) }
                await pause(backoff.next())
            }
        }
    }

    /// Keeps one partition in memory: reads it whole, then follows its live stream, and begins again where that has a gap.
    func follow(_ partition: Int) async {
        var backoff = Backoff(shortest: .milliseconds(50), longest: .seconds(5))
        var mayHaveGoneBack = false
        while !Task.isCancelled {
            do {
                if memory.followers[partition].phase == .away { try await rebuild(partition) }
                if mayHaveGoneBack {
                    // After a restart the store may have lost its end, and a position past it would wait for ever.
                    let newest = try await store.livePosition(partition: partition)
                    if newest < memory.followers[partition].position { lose(partition, "the store went back") }
                    mayHaveGoneBack = false
                    setReachable(partition: partition, true)
                }
                guard memory.followers[partition].phase != .away else { continue }
                let position = memory.followers[partition].position
                let batches = try await store.live(partition: partition, after: position, wait: configuration.wait)
                if batches.isEmpty { mayHaveGoneBack = true }
                backoff.reset()
                setReachable(partition: partition, true)
                take(batches, partition: partition)
                try await followDefinitions(batches.last?.definitionsVersion)
            } catch {
                if Task.isCancelled { break }
                logger.debug("live: \(error)", ["partition": .int(partition)])
                if error.code == .incompatible {
                    // A batch that cannot be read: what it added is in the buckets, past it the stream goes on.
                    memory.lose(partition: partition)
                } else {
                    setReachable(partition: partition, false)
                }
                mayHaveGoneBack = true
                await pause(backoff.next())
            }
        }
    }

    /// Merges batches in order and sends what that makes due.
    func take(_ batches: [LiveBatch], partition: Int) {
        let now = time.monotonicNs()
        for batch in batches {
            let wasCurrent = memory.isCurrent
            switch memory.take(batch, partition: partition) {
            case .applied(let changed):
                for group in changed { touch(group, now) }
                if !wasCurrent && memory.isCurrent { becameCurrent() }
            case .gap:
                lose(partition, "the live stream has a gap")
                news()
                return
            }
        }
        if !batches.isEmpty { news() }
        fillOutdated()
        flush(now)
    }

    /// Reads all of a partition that the ring holds, part by part.
    private func rebuild(_ partition: Int) async throws(StoreError) {
        if let definitions = try await store.definitions() { define(definitions) }
        let position = try await store.livePosition(partition: partition)
        let listed = try await store.series(partition: partition, from: 0)
        var series = listed.series
        memory.begin(partition: partition, position: position, series: series)
        // Small enough for one call to hold up neither the store nor the loop: 8.5 minutes of each are up to 8,000 records.
        let size = 16
        var start = 0
        repeat {
            let numbers = series[start..<min(start + size, series.count)].map(\.number)
            start += numbers.count
            let second = time.wallMs() / 1000
            memory.advance(to: second)
            let read = try await orLose(partition) { () throws(StoreError) in
                try await store.read(
                    partition: partition, series: numbers, resolution: .second, from: memory.ring.start,
                    to: memory.ring.end, sets: memory.catalog.definitions.sets)
            }
            guard memory.load(partition: partition, numbersBelow: (numbers.last ?? -1) + 1, read) else { return }
            guard start == series.count else { continue }
            // Batches up to the first part's cursor are taken as known, so the series that they began have to be read, too.
            let known = series.count
            let more = try await orLose(partition) { () throws(StoreError) in
                try await store.series(partition: partition, from: known)
            }
            guard more.connection == listed.connection, more.count >= known else {
                return lose(partition, "the store may have gone back while it was read")
            }
            for one in more.series { memory.add(one, partition: partition) }
            series += more.series
        } while start < series.count
        memory.loaded(partition: partition)
        metrics.rebuilds.add()
        setReachable(partition: partition, true)
        if memory.isCurrent { becameCurrent() }
        news()
    }

    /// Reads more of a partition that is being read; one that was read by half is of no use.
    private func orLose<Success>(
        _ partition: Int, _ read: () async throws(StoreError) -> Success
    ) async throws(StoreError) -> Success {
        do {
            return try await read()
        } catch {
            memory.lose(partition: partition)
            throw error
        }
    }

    private func followDefinitions(_ version: Int?) async throws(StoreError) {
        guard let version, version > memory.catalog.definitions.version,
            let definitions = try await store.definitions()
        else { return }
        define(definitions)
    }

    private func define(_ definitions: Definitions) {
        let isFirst = memory.catalog.definitions.version == 0
        memory.define(definitions)
        for group in memory.groups.values where !group.isReady { startFilling(group.question) }
        if isFirst { receiveHeld() }
    }

    /// All partitions are in memory: whoever waits for that goes on.
    private func becameCurrent() {
        forgetStandingGroups()
        for question in memory.groups.keys { startFilling(question) }
    }

    private func lose(_ partition: Int, _ reason: String) {
        logger.debug("live: reading a partition anew: \(reason)", ["partition": .int(partition)])
        memory.lose(partition: partition)
        news()
    }

    private func setReachable(partition: Int, _ isReachable: Bool) {
        if isReachable {
            // What was settled meanwhile may have been trimmed from the stream.
            if unreachable.remove(partition) != nil { cache?.forgetAll() }
            heardNs[partition] = time.monotonicNs()
        } else {
            unreachable.insert(partition)
        }
        tellStatus()
    }
}
