internal import Analytics
internal import Service

/// Groups that are there before anybody asks: the last hour of each metric, as a whole and by each of its labels.
///
/// Reading that from the stores takes some hundred times as long as from a group, and it is what people look at first. Metrics of
/// few series are read fast enough, and of those with very many a group would cost more than it brings: these have groups once
/// they are asked often, as all other questions.
extension LiveHub {
    /// What a standing group keeps, in seconds: an hour, and what the start of a question is rounded down by.
    private static let standingWindow: Int64 = 3_600 + 60
    private static let standingStep: Int64 = 10
    /// Every ten minutes PostgreSQL takes over what is more than an hour old, by the minute; groups are filled when none of
    /// their window is its.
    private static let takeOver: Int64 = 600

    /// Makes the groups, one after the other, so that a store which has just come back is not asked for all at once; until the
    /// task is cancelled.
    func keepStandingGroups() async {
        if configuration.maxStandingBytes == 0 { return }
        var isBusy = false
        while !Task.isCancelled {
            await pause(isBusy ? .milliseconds(100) : .seconds(2))
            guard !isStopping, memory.isCurrent, !isBehind else { continue }
            if !isBusy { dropUnfit() }
            isBusy = standing.contains { memory.groups[$0].map { !$0.isReady } ?? false }
            let isFillable = time.wallMs() / 1_000 % Self.takeOver >= Self.standingWindow - 3_600 + Self.standingStep
            guard !isBusy, isFillable, let next = nextStanding() else { continue }
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
    private static func standingQuestion(_ metric: MetricDefinition, by: [String]) -> LiveQuestion {
        LiveQuestion(
            metric: metric.name, by: by, filter: LabelFilter(),
            stepSeconds: max(standingStep, metric.finestStepMs / 1_000), windowSeconds: standingWindow,
            limit: Query.maxSeries)
    }

    private func nextStanding() -> (question: LiveQuestion, metric: MetricDefinition)? {
        for metric in memory.catalog.definitions.metrics where metric.kind != .top {
            let series = memory.catalog.series(of: metric)
            guard configuration.standingSeries.contains(series.count) else { continue }
            for by in [[]] + metric.by.map({ [$0] }) {
                let question = Self.standingQuestion(metric, by: by)
                if standing.contains(question) || tooLargeToStand.contains(question) { continue }
                let values = Set(series.map { memory.catalog.series[$0].key.labels.keeping(by) })
                if values.count <= configuration.maxStandingValues { return (question, metric) }
                tooLargeToStand.insert(question)
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
