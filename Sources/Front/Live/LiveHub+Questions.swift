package import Analytics
internal import Service

/// Live groups for those who ask by polling.
extension LiveHub {
    /// All of what is asked, from a live group; counts the question where there is none.
    package func keptAnswer(_ query: Query) async -> KeptAnswer? {
        guard let content = content(query), memory.isCurrent, !isBehind else { return nil }
        let from = query.fromMs / 1_000
        while let view = memory.view(content, from: from), view.group.metric == query.metric {
            if let answer = kept(view, view.places, query, work: Self.workPerTurn) { return answer }
            // Others on the loop have their turn; what has come meanwhile is looked at again.
            await Task.yield()
            guard memory.isCurrent, !isBehind else { return nil }
        }
        // A group of a finer step has it, too, but for the merging.
        if let group = memory.finerGroup(content, from: from), group.metric == query.metric {
            if group.bucketCount > Self.bucketsMergedOften { follow(query, content, from: from) }
            asked(group)
            return await merged(group, query)
        }
        // Of others it is not known yet which step they have; they come to `keptEnd`.
        if from >= memory.start(of: query.metric) { follow(query, content, from: from) }
        return nil
    }

    /// What a view that has all of the question answers, of the series at `places`; nil where more than `work` buckets have to be
    /// looked at for it: the rest is for the next time.
    func kept(_ view: LiveView, _ places: [Int], _ query: Query, work: Int) -> KeptAnswer? {
        let (from, to) = (query.fromMs / 1_000, query.toMs / 1_000)
        let closed = min(max(view.group.closedEnd(stepSeconds: view.stepSeconds), from), to)
        let columns: AnswerColumns
        if view.isKeptAsAsked(places: places) {
            guard view.group.compute(query.aggregations, ofSeries: places, work: work) else { return nil }
            columns = view.group.columns(
                query.aggregations, in: from..<closed, ofSeries: places, labels: view.labels)
        } else {
            let values = memory.values.values(view, query.aggregations, nowNs: time.monotonicNs())
            guard values.catchUp(view, work: work) else { return nil }
            columns = values.columns(in: from..<closed)
        }
        var buckets = GroupedBuckets(query)
        if closed < to {
            for place in places {
                _ = view.group.merge(closed..<to, ofSeries: place, labels: view.labels, into: &buckets)
            }
            view.group.mergeOpen(closed..<to, view.filter, labels: view.labels, into: &buckets)
        }
        asked(view.group)
        return KeptAnswer(columns: columns, buckets: buckets, newestMs: memory.newestMs)
    }

    /// So many are merged for each who asks rather than kept merged: a ms or two.
    private static let bucketsMergedOften = 4_000

    private func merged(_ group: LiveGroup, _ query: Query) async -> KeptAnswer? {
        let epoch = group.epoch
        let seconds = query.fromMs / 1_000..<query.toMs / 1_000
        var buckets = GroupedBuckets(query)
        var work = 0
        for place in group.series.indices {
            if work > Self.workPerTurn {
                // Others on the loop have their turn; what a series gets meanwhile is in it or not.
                await Task.yield()
                work = 0
                guard group.epoch == epoch, group.isWhole, group.windowStart <= seconds.lowerBound else { return nil }
            }
            work += group.merge(seconds, ofSeries: place, into: &buckets)
        }
        return KeptAnswer(columns: nil, buckets: buckets, newestMs: memory.newestMs)
    }

    /// What a group would keep that answers the question; nil where none can.
    func content(_ query: Query) -> LiveQuestion.Content? {
        guard !query.isOneBucket, !query.aggregations.contains(.top), query.stepMs.isMultiple(of: 1_000) else {
            return nil
        }
        return LiveQuestion.Content(
            metric: query.metric.name, by: query.by, filter: query.filter, stepSeconds: query.stepMs / 1_000)
    }

    /// Nobody has a group for this, which must reach back to `start`; makes one where that is worth it.
    func follow(_ query: Query, _ content: LiveQuestion.Content, from start: Int64) {
        let now = time.wallMs() / 1_000
        // Only what ends now moves on with the time.
        guard query.toMs / 1_000 >= now, start >= now - AskedQuestions.longestWindow,
            query.metric == memory.catalog.definitions[query.metric.name]
        else { return }
        // One that is being filled, or read again in part, will do.
        let isComing = memory.groups(content).contains {
            $0.stepSeconds == content.stepSeconds && !$0.isTruncated && memory.windowStart($0, now: now) <= start
        }
        if isComing { return }
        let nowNs = time.monotonicNs()
        let series = memory.select(query.metric, query.filter).count
        guard
            let window = polled.count(
                content, window: now - query.fromMs / 1_000, series: series, nowNs: nowNs)
        else { return }
        let question = LiveQuestion(
            metric: content.metric, by: content.by, filter: content.filter, stepSeconds: content.stepSeconds,
            windowSeconds: window, limit: Query.maxSeries)
        let mine = pollGroups.filter { memory.groups[$0.key] != nil && subscribers[$0.key] == nil }
        if mine.count >= configuration.maxPollGroups || memory.groups.count >= configuration.maxGroups {
            guard let oldest = mine.min(by: { $0.value < $1.value })?.key else { return }
            drop(oldest)
        }
        // One that kept the same in another step, or less of it, is of no use any more.
        for other in pollGroups.keys where other.content == content && subscribers[other] == nil { drop(other) }
        let group = memory.group(question, metric: query.metric)
        asked(group)
        if !group.isReady { startFilling(question) }
    }

    /// A group was of use: it stays for a while, and longer than one that nobody is subscribed to any more.
    func asked(_ group: LiveGroup) {
        let now = time.monotonicNs()
        if standing.contains(group.question) { return }
        pollGroups[group.question] = now
        guard subscribers[group.question] == nil else { return }
        idleSinceNs[group.question] = now
    }

    /// How long a group is kept that nobody is subscribed to.
    func idleTime(_ question: LiveQuestion) -> Duration {
        pollGroups[question] == nil ? configuration.groupIdle : configuration.pollIdle
    }

    /// Drops groups of those who poll while all of them are too large, those not asked for the longest first.
    func limitPollGroups(_ nowNs: UInt64) {
        pollGroups = pollGroups.filter { memory.groups[$0.key] != nil }
        var bytes = 0
        for (question, _) in pollGroups.sorted(by: { $0.value > $1.value }) where subscribers[question] == nil {
            guard let group = memory.groups[question], group.isReady else { continue }
            if group.isTruncated {
                polled.isUnfit(question.content, nowNs: nowNs)
                drop(question)
                continue
            }
            let own = group.byteCount
            bytes += own
            guard bytes > configuration.maxPollBytes else { continue }
            if own > configuration.maxPollBytes / 2 { polled.isUnfit(question.content, nowNs: nowNs) }
            drop(question)
        }
    }
}
