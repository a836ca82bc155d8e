internal import Analytics

/// A standing or asked group as it answers a question: all of its series or those that a filter lets through, each by itself or all as one.
struct LiveView {
    let group: LiveGroup
    /// Looks at the group's own labels only.
    let filter: LabelFilter
    /// All that is let through is one series without labels.
    let isOne: Bool
    /// A multiple of the group's.
    let stepSeconds: Int64

    /// The group's series that are let through.
    var places: [Int] {
        filter.isEmpty
            ? Array(group.series.indices) : group.series.indices.filter { filter.matches(group.series[$0].labels) }
    }

    /// Under which labels they are shown; nil where each has its own.
    var labels: LabelSet? { isOne ? LabelSet.none : nil }

    /// Whether the group keeps the very buckets that are asked for.
    func isKeptAsAsked(places: [Int]) -> Bool {
        stepSeconds == group.stepSeconds && (!isOne || places.count <= 1)
    }
}

extension LiveMemory {
    /// The view that has all of a question from `second` on; nil where there is none. The coarsest standing one where several have.
    func view(_ content: LiveQuestion.Content, from second: Int64) -> LiveView? {
        if let group = group(content, from: second) {
            return LiveView(group: group, filter: LabelFilter(), isOne: false, stepSeconds: content.stepSeconds)
        }
        var best: LiveGroup?
        for group in standing[content.metric] ?? [] {
            guard group.windowStart <= second, group.stepSeconds > best?.stepSeconds ?? 0,
                content.stepSeconds.isMultiple(of: group.stepSeconds), isPart(content, of: group.question),
                group.isWhole
            else { continue }
            best = group
        }
        return best.map { group in
            LiveView(
                group: group, filter: content.filter, isOne: content.by.isEmpty, stepSeconds: content.stepSeconds)
        }
    }

    /// Whether a group by some labels tells apart what a question does.
    private func isPart(_ content: LiveQuestion.Content, of question: LiveQuestion) -> Bool {
        (content.by.isEmpty || content.by == question.by) && content.filter.labels.allSatisfy(question.by.contains)
    }
}
