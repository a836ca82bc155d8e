/// Steps of an answer whose values are known already: for each group its times and, by aggregation, what they are.
///
/// Parts are added oldest first; none has a step of another.
package struct AnswerColumns: Sendable {
    /// One group's steps.
    package struct Column: Sendable {
        package let labels: LabelSet
        /// Starts of the buckets, ms since 1970, ascending.
        package fileprivate(set) var times: [Int64] = []
        /// Events in all of them.
        package fileprivate(set) var weight = 0
        /// By the question's aggregations, then by time; nil where a bucket does not have it.
        package fileprivate(set) var values: [[Double?]]
    }

    package private(set) var columns: [Column] = []
    private var placeByLabels: [LabelSet: Int] = [:]
    private let aggregationCount: Int

    /// For a question with so many aggregations.
    package init(aggregationCount: Int) { self.aggregationCount = aggregationCount }

    /// Where a group's column stands; made where there is none.
    package mutating func place(of labels: LabelSet) -> Int {
        if let known = placeByLabels[labels] { return known }
        placeByLabels[labels] = columns.count
        columns.append(Column(labels: labels, values: Array(repeating: [], count: aggregationCount)))
        return columns.count - 1
    }

    /// Adds steps that begin after those that are there; `weight` is of all of them.
    package mutating func append(times: ArraySlice<Int64>, weight: Int, at place: Int) {
        columns[place].times.append(contentsOf: times)
        columns[place].weight += weight
    }

    /// Adds the values of these steps for one of the aggregations; NaN stands for none.
    package mutating func append(values: ArraySlice<Double>, aggregation: Int, at place: Int) {
        columns[place].values[aggregation].append(contentsOf: values.lazy.map { $0.isNaN ? nil : $0 })
    }
}
