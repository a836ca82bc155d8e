internal import Analytics

/// One question as the live side keeps its answer: subscriptions that differ in other things share it.
struct LiveQuestion: Hashable {
    let metric: String
    /// Labels kept, ascending.
    let by: [String]
    let filter: LabelFilter
    let stepSeconds: Int64
    let windowSeconds: Int64
    /// Series kept, the heaviest first.
    let limit: Int
    /// Kept though nobody asks; nobody can subscribe to it.
    var isStanding = false

    /// What is kept, but for how much of it.
    struct Content: Hashable {
        let metric: String
        let by: [String]
        let filter: LabelFilter
        let stepSeconds: Int64
    }

    var content: Content { Content(metric: metric, by: by, filter: filter, stepSeconds: stepSeconds) }
}

/// A checked request to be told about a question; equal ones are one.
struct SubscriptionRequest: Hashable {
    let id: String
    let question: LiveQuestion
    let aggregations: [Aggregation]
    /// Time between two updates, at least.
    let everyMs: Int64
}
