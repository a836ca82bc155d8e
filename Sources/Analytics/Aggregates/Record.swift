/// The aggregates of all metrics that share a series, for one bucket of time.
///
/// Metrics grouped by equal labels share a series, so an event makes one change to one record instead of one for each metric.
package struct Record: Equatable, Sendable {
    /// One metric's part.
    package struct Section: Equatable, Sendable {
        package var metric: MetricID
        package var aggregate: Aggregate

        package init(metric: MetricID, aggregate: Aggregate) {
            self.metric = metric
            self.aggregate = aggregate
        }
    }

    /// Ascending by metric, at most one of each.
    package private(set) var sections: [Section] = []

    package init() {}

    /// A record of sections that are ascending by metric and not empty.
    package init(ascending sections: [Section]) { self.sections = sections }

    package var isEmpty: Bool { sections.isEmpty }

    /// The aggregate of `metric`; nil where no event counted for it.
    package subscript(metric: MetricID) -> Aggregate? {
        sections.first { $0.metric == metric }?.aggregate
    }

    /// Merges `aggregate` into the part of `metric`; returns how many events that part counts now.
    @discardableResult
    package mutating func merge(_ aggregate: Aggregate, into metric: MetricID) -> Int {
        // By index: a closure over sections would copy each of them, and there are only a few.
        var place = 0
        while place < sections.count && sections[place].metric < metric { place += 1 }
        if place < sections.count && sections[place].metric == metric {
            sections[place].aggregate.merge(aggregate)
            return sections[place].aggregate.count
        }
        if !aggregate.isEmpty { sections.insert(Section(metric: metric, aggregate: aggregate), at: place) }
        return aggregate.count
    }

    /// Changes the part of `metric` in its place, which is empty where there was none; what stays empty is to be merged into.
    package mutating func change<Failure: Error>(
        _ metric: MetricID, _ body: (inout Aggregate) throws(Failure) -> Void
    ) throws(Failure) {
        var place = 0
        while place < sections.count && sections[place].metric < metric { place += 1 }
        if place == sections.count || sections[place].metric != metric {
            sections.insert(Section(metric: metric, aggregate: Aggregate()), at: place)
        }
        try body(&sections[place].aggregate)
    }

    /// Merges every part of `other`.
    package mutating func merge(_ other: Record) {
        if sections.isEmpty {
            sections = other.sections
        } else {
            for section in other.sections { merge(section.aggregate, into: section.metric) }
        }
    }
}

/// The number by which records name a metric: given once when a metric is defined and never used for another.
package struct MetricID: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) { self.rawValue = rawValue }

    /// The built-in counter of applied events.
    package static let events = MetricID(rawValue: 0)
    /// Of a metric whose number is not known, as it is only configured: no record has it.
    package static let unknown = MetricID(rawValue: .max)

    package static func < (a: MetricID, b: MetricID) -> Bool { a.rawValue < b.rawValue }
}
