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
    private static let hour = Span(step: 10, window: 3_600 + 600 + 60, isFed: true)
    private static let spans = [
        Span(step: 1, window: 300 + 10, isFed: false), Span(step: 5, window: 900 + 30, isFed: true),
        hour,
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
            let next = isBusy ? [] : nextStanding(now)
            if next.isEmpty { continue }
            isBusy = true
            for one in next {
                standing.insert(one.question)
                _ = memory.group(one.question, metric: one.metric, source: one.source)
            }
            await fillTogether(next.map(\.question))
            for one in next where memory.groups[one.question]?.isReady == false { startFilling(one.question) }
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

    /// The next to be made, which are filled together: of all metrics the finest first, which need no store.
    private func nextStanding(_ nowNs: UInt64) -> [Candidate] {
        let isHourFillable = time.wallMs() / 1_000 % Self.takeOver < Self.takeOver - Self.beforeTakeOver
        let metrics = memory.catalog.definitions.metrics.filter { metric in
            metric.kind != .top && configuration.standingSeries.contains(memory.catalog.series(of: metric).count)
        }
        for span in Self.spans {
            if span.window == Self.hour.window, !isHourFillable { return [] }
            for metric in metrics {
                let mates = metrics.filter { $0.group == metric.group && $0.kind.keepsSets == metric.kind.keepsSets }
                let next = mates.flatMap { candidates($0, span) }.filter { isDue($0.question, nowNs) }
                if !next.isEmpty { return next }
            }
        }
        return []
    }

    private func isDue(_ question: LiveQuestion, _ nowNs: UInt64) -> Bool {
        if standing.contains(question) || tooLargeToStand.contains(question) { return false }
        return standingRetryNs[question].map { nowNs >= $0 } ?? true
    }

    /// A metric's groups of a span: by the first label that is fit, and of the hour by the others, too.
    private func candidates(_ metric: MetricDefinition, _ span: Span) -> [Candidate] {
        let first = firstFit(metric)
        let one = candidate(metric, by: first, span).map { [$0] } ?? []
        guard span.window == Self.hour.window else { return one }
        return one
            + metric.by.filter { [$0] != first && isFit(metric, $0) }.compactMap {
                candidate(metric, by: [$0], Span(step: span.step, window: span.window, isFed: false))
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

    private func rank(_ question: LiveQuestion) -> (Int64, Int, String, String) {
        let isFed = memory.groups[question]?.source != nil
        return (question.windowSeconds, isFed ? 0 : 1, question.metric, question.by.joined(separator: ","))
    }

    /// Drops those that are too large, of metrics that have changed, coarser than they should be since a part was read again, or
    /// whose finer group is gone.
    private func dropUnfit(_ nowNs: UInt64) {
        var bytes = 0
        // The finest first, as others are fed by them; what is asked for least comes last, and goes where there is too much.
        for question in standing.sorted(by: { rank($0) < rank($1) }) {
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
