internal import Analytics
internal import Service

/// Groups that are there before anybody asks: the last 5 and 15 minutes and the last hour of each metric, by its first label, and the
/// hour by each of the others.
///
/// Reading that from the stores takes some hundred times as long as from a group, and it is what people look at first. The whole,
/// and one value of the label, are made of the groups by it (`LiveView`). Events are merged into the finest alone, which feeds the
/// others when a second is over. Metrics of few series are read fast enough, and of those with very many a group would cost more than it
/// brings: these have groups once they are asked often, as all other questions.
extension LiveHub {
    /// What a standing group keeps.
    private struct Span {
        let step: Int64
        /// In seconds; with what the start of a question is rounded down by.
        let window: Int64
        /// Fed by the first.
        let isFed: Bool
    }

    /// With the ten minutes that go over to PostgreSQL at once: the end of a longer question is this and nothing else.
    private static let hour = Span(step: 10, window: 3_600 + 600 + 60, isFed: false)
    private static let spans = [
        Span(step: 1, window: 300 + 10, isFed: false), Span(step: 5, window: 900 + 30, isFed: true),
        Span(step: hour.step, window: hour.window, isFed: true),
    ]
    /// Every ten minutes PostgreSQL takes over what is more than an hour old, by the minute; groups of an hour are not filled just
    /// then.
    private static let takeOver: Int64 = 600
    private static let beforeTakeOver: Int64 = 10
    /// A group that came out coarser than it should is tried again after this.
    private static let retryNs: UInt64 = 30_000_000_000
    private static let lookNs: UInt64 = 10_000_000_000

    /// Makes the groups, one after the other, so that a store which has just come back is not asked for all at once; until the
    /// task is cancelled.
    func keepStandingGroups() async {
        if configuration.maxStandingBytes == 0 { return }
        var isBusy = false
        var nextLookNs: UInt64 = 0
        while !Task.isCancelled {
            await pause(isBusy ? .milliseconds(20) : .seconds(1))
            guard !isStopping, memory.isCurrent, !isBehind else { continue }
            let now = time.monotonicNs()
            if !isBusy, now >= nextLookNs {
                dropUnfit(now)
                nextLookNs = now + Self.lookNs
            }
            isBusy = standing.contains { memory.groups[$0].map { !$0.isReady } ?? false }
            guard !isBusy, let next = nextStanding(now) else { continue }
            isBusy = true
            standing.insert(next.question)
            let group = memory.group(next.question, metric: next.metric, source: next.source)
            if !group.isReady { startFilling(next.question) }
        }
    }

    /// What the groups held is lost: they are made anew, one after the other.
    func forgetStandingGroups() {
        let all = standing
        standing = []
        for question in all { drop(question) }
    }

    private static func question(_ metric: MetricDefinition, by: [String], _ span: Span) -> LiveQuestion {
        LiveQuestion(
            metric: metric.name, by: by, filter: LabelFilter(),
            stepSeconds: max(span.step, metric.finestStepMs / 1_000),
            windowSeconds: span.window, limit: Query.maxSeries, isStanding: true)
    }

    private struct Candidate {
        let question: LiveQuestion
        let metric: MetricDefinition
        let source: LiveGroup?
    }

    /// The next to be made: of all metrics the finest first, which need no store.
    private func nextStanding(_ nowNs: UInt64) -> Candidate? {
        let isHourFillable = time.wallMs() / 1_000 % Self.takeOver < Self.takeOver - Self.beforeTakeOver
        let metrics = memory.catalog.definitions.metrics.filter { metric in
            metric.kind != .top && configuration.standingSeries.contains(memory.catalog.series(of: metric).count)
        }
        var candidates = Self.spans.flatMap { span in
            metrics.compactMap { candidate($0, by: firstFit($0), span) }
        }
        for metric in metrics {
            let first = firstFit(metric)
            for label in metric.by where [label] != first && isFit(metric, label) {
                if let more = candidate(metric, by: [label], Self.hour) { candidates.append(more) }
            }
        }
        return candidates.first { candidate in
            let question = candidate.question
            if standing.contains(question) || tooLargeToStand.contains(question) { return false }
            if let until = standingRetryNs[question], nowNs < until { return false }
            return question.windowSeconds < Self.hour.window || isHourFillable
        }
    }

    /// A metric of whole minutes has its hour only, which is fed by events.
    private func candidate(_ metric: MetricDefinition, by: [String], _ span: Span) -> Candidate? {
        if metric.kind.keepsSets {
            guard span.step == Self.hour.step else { return nil }
            return Candidate(question: Self.question(metric, by: by, span), metric: metric, source: nil)
        }
        guard span.isFed else {
            return Candidate(question: Self.question(metric, by: by, span), metric: metric, source: nil)
        }
        let source = memory.groups[Self.question(metric, by: by, Self.spans[0])]
        guard let source, source.isWhole else { return nil }
        return Candidate(question: Self.question(metric, by: by, span), metric: metric, source: source)
    }

    /// The first label that has few enough values; none makes one series of all.
    private func firstFit(_ metric: MetricDefinition) -> [String] {
        metric.by.first { isFit(metric, $0) }.map { [$0] } ?? []
    }

    private func isFit(_ metric: MetricDefinition, _ label: String) -> Bool {
        memory.catalog.valueCount(of: metric, label: label) <= configuration.maxStandingValues
    }

    /// Drops those that are too large, of metrics that have changed, coarser than they should be since a part was read again, or
    /// whose finer group is gone.
    private func dropUnfit(_ nowNs: UInt64) {
        var bytes = 0
        // The finest first, as others are fed by them.
        for question in standing.sorted(by: { $0.windowSeconds < $1.windowSeconds }) {
            let group = memory.groups[question]
            var isFit = group.map { $0.metric == memory.catalog.definitions[question.metric] } ?? false
            if group?.source?.isDropped == true { isFit = false }
            if let group, group.isReady {
                bytes += group.byteCount
                if group.isTruncated || bytes > configuration.maxStandingBytes {
                    tooLargeToStand.insert(question)
                    isFit = false
                }
                if group.stepSeconds != question.stepSeconds {
                    standingRetryNs[question] = nowNs + Self.retryNs
                    isFit = false
                }
            }
            if !isFit {
                standing.remove(question)
                drop(question)
            }
        }
    }
}
