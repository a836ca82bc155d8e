/// The labels of a series: distinct names with their values, ascending by name.
package struct LabelSet: Hashable, Sendable {
    /// One name and its value. Two are equal where their bytes are, as in the stores: `é` in one and in two scalars differ.
    package struct Label: Hashable, Sendable {
        package let name: String
        package let value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }

        package static func == (a: Label, b: Label) -> Bool {
            a.name.utf8.elementsEqual(b.name.utf8) && a.value.utf8.elementsEqual(b.value.utf8)
        }

        package func hash(into hasher: inout Hasher) {
            for var text in [name, value] {
                text.withUTF8 { unsafe hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
                hasher.combine(UInt8(255))
            }
        }
    }

    package let labels: [Label]

    /// The empty set: the one series of a metric that is not grouped.
    package static let none = LabelSet([])

    /// Where events go whose label sets are past a metric's limit.
    package static let overflow = LabelSet([Label(name: "overflow", value: "true")])

    /// Takes the labels in any order; names must be distinct.
    package init(_ labels: [Label]) { self.labels = labels.sorted { $0.name < $1.name } }

    /// The value of label `name`; nil where the set has none.
    package subscript(name: String) -> String? { labels.first { $0.name == name }?.value }

    /// Only the labels named in `names`.
    package func keeping(_ names: [String]) -> LabelSet {
        LabelSet(labels.filter { names.contains($0.name) })
    }
}

extension LabelSet: Comparable {
    /// By the bytes of names, then of values, label by label: the order in which answers list what is otherwise equal.
    package static func < (a: LabelSet, b: LabelSet) -> Bool {
        a.labels.lexicographicallyPrecedes(b.labels) { a, b in
            if a.name != b.name { return a.name.utf8.lexicographicallyPrecedes(b.name.utf8) }
            return a.value.utf8.lexicographicallyPrecedes(b.value.utf8)
        }
    }
}

/// Which events share records: the labels of one group of metrics, and how many series it may have.
package struct SeriesGroup: Hashable, Sendable {
    /// Label names, ascending.
    package let by: [String]
    /// Series past this many, in one partition, count as `LabelSet.overflow`.
    package let maxSeries: Int

    package static let defaultMaxSeries = 10_000

    package init(by: [String], maxSeries: Int = SeriesGroup.defaultMaxSeries) {
        self.by = by.sorted()
        self.maxSeries = maxSeries
    }

    /// Its name in the stores: the labels, and the limit where it is not the default. `endpoint,service#500`
    package var name: String {
        by.joined(separator: ",") + (maxSeries == Self.defaultMaxSeries ? "" : "#\(maxSeries)")
    }
}

/// One series: a group and the values of its labels.
package struct SeriesKey: Hashable, Sendable {
    /// `SeriesGroup.name`.
    package let group: String
    package let labels: LabelSet

    package init(group: String, labels: LabelSet) {
        self.group = group
        self.labels = labels
    }
}
