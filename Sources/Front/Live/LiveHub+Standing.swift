internal import Analytics
internal import Service

/// Groups that are there before anybody asks: the last 5 minutes, 15 minutes and hour of each metric, as a whole and by each of its
/// labels.
///
/// Reading that from the stores takes some hundred times as long as from a group, and it is what people look at first. Metrics of
/// few series are read fast enough, and of those with very many a group would cost more than it brings: these have groups once
/// they are asked often, as all other questions.
extension LiveHub {
    /// What a standing group keeps: buckets of so many seconds, over so many and what the start of a question is rounded by.
    struct StandingRange {
        let step: Int64
        let window: Int64
        let growsFromRing: Bool

        static let all = [
            StandingRange(step: 1, window: 300 + 20, growsFromRing: true),
            StandingRange(step: 5, window: 900 + 60, growsFromRing: true),
            StandingRange(step: 10, window: 3_600 + 60, growsFromRing: false),
        ]
    }

    /// Every ten minutes PostgreSQL takes over what is more than an hour old, by the minute; groups of an hour are filled when
    /// none of their window is its: so long after, in seconds.
    private static let takeOver: Int64 = 600
    private static let afterTakeOver: Int64 = 60 + 10

    /// Makes the groups, one after the other, so that a store which has just come back is not asked for all at once; until the
    /// task is cancelled.
    func keepStandingGroups() async {
        var isBusy = false
        while !Task.isCancelled {
            await pause(isBusy ? .milliseconds(100) : .seconds(2))
            guard !isStopping, memory.isCurrent, !isBehind else { continue }
            if !isBusy { dropUnfit() }
            isBusy = standing.contains { memory.groups[$0].map { !$0.isReady } ?? false }
            guard !isBusy, let next = nextStanding() else { continue }
            isBusy = true
            standing.insert(next.question)
            let group = memory.group(next.question, metric: next.metric)
            if !group.isReady { startFilling(next.question) }
        }
    }

    /// What the groups held is lost: those nobody is subscribed to are made anew, one after the other.
    func forgetStandingGroups() {
        let all = standing
        standing = []
        for question in all { drop(question) }
    }

    /// What a metric's standing group `by` some labels keeps.
    private static func standingQuestion(
        _ metric: MetricDefinition, by: [String], _ range: StandingRange
    ) -> LiveQuestion {
        LiveQuestion(
            metric: metric.name, by: by, filter: LabelFilter(),
            stepSeconds: max(range.step, metric.finestStepMs / 1_000),
            windowSeconds: range.window, limit: Query.maxSeries, growsFromRing: range.growsFromRing)
    }

    private func nextStanding() -> (question: LiveQuestion, metric: MetricDefinition)? {
        let isHourFillable = time.wallMs() / 1_000 % Self.takeOver >= Self.afterTakeOver
        for range in StandingRange.all where range.growsFromRing || isHourFillable {
            for metric in memory.catalog.definitions.metrics where metric.kind != .top {
                let series = memory.catalog.series(of: metric)
                guard configuration.standingSeries.contains(series.count) else { continue }
                // What has no finer steps is in the group of an hour.
                if range.growsFromRing, range.step * 1_000 < metric.finestStepMs { continue }
                for by in [[]] + metric.by.map({ [$0] }) {
                    let question = Self.standingQuestion(metric, by: by, range)
                    if standing.contains(question) || tooLargeToStand.contains(question) { continue }
                    let values = Set(series.map { memory.catalog.series[$0].key.labels.keeping(by) })
                    if values.count <= configuration.maxStandingValues { return (question, metric) }
                    tooLargeToStand.insert(question)
                }
            }
        }
        return nil
    }

    /// Drops those that are too large, of metrics that have changed, or coarser than they should be since a part was read again.
    private func dropUnfit() {
        var bytes = 0
        for question in standing {
            let group = memory.groups[question]
            var isFit = group.map { $0.metric == memory.catalog.definitions[question.metric] } ?? false
            if let group, group.isReady {
                bytes += group.byteCount
                if group.isTruncated || bytes > configuration.maxStandingBytes {
                    tooLargeToStand.insert(question)
                    isFit = false
                }
                if group.stepSeconds != question.stepSeconds { isFit = false }
            }
            if !isFit {
                standing.remove(question)
                drop(question)
            }
        }
    }
}
