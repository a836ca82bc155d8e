/// Finds the label sets that a filter lets through without looking at the others.
///
/// A list that only grows, with for each label and value the places in it, ascending. A value type; one owner.
package struct LabelIndex: Sendable {
    /// By place.
    package private(set) var labels: [LabelSet] = []
    private var places: [LabelSet.Label: [Int32]] = [:]
    /// The distinct values of each label.
    private var values: [String: [LabelSet.Label]] = [:]

    /// Above so many values of one label it is cheaper to look at the candidates themselves.
    private static let maxSearched = 4

    package init() {}

    package var count: Int { labels.count }

    /// How many distinct values a label has.
    package func valueCount(of name: String) -> Int { values[name]?.count ?? 0 }

    /// Adds a label set at the end; it need not be a new one. O(labels).
    package mutating func append(_ set: LabelSet) {
        let place = Int32(labels.count)
        labels.append(set)
        for label in set.labels {
            if places[label] == nil { values[label.name, default: []].append(label) }
            places[label, default: []].append(place)
        }
    }

    /// The places of the label sets that `filter` lets through, ascending.
    ///
    /// - Complexity: for the condition that keeps fewest, O(what it keeps), times the logarithm of what others keep; with
    ///   wildcards also O(values of the label). O(n) only where no condition keeps anything in particular.
    package func select(_ filter: LabelFilter) -> [Int] {
        if filter.isEmpty { return Array(labels.indices) }
        var kept: [[[Int32]]] = []
        for condition in filter.conditions {
            guard let lists = lists(condition) else { continue }
            if lists.isEmpty { return [] }
            kept.append(lists)
        }
        guard let fewest = kept.indices.min(by: { Self.size(kept[$0]) < Self.size(kept[$1]) }) else {
            return labels.indices.filter { filter.matches(labels[$0]) }
        }
        // A label set has one value of a label, so none is in two lists.
        let candidates = kept[fewest].count == 1 ? kept[fewest][0] : kept[fewest].joined().sorted()
        let others = kept.indices.filter { $0 != fewest && kept[$0].count <= Self.maxSearched }.map { kept[$0] }
        return candidates.compactMap { place in
            for lists in others where !lists.contains(where: { Self.has($0, place) }) { return nil }
            return filter.matches(labels[Int(place)]) ? Int(place) : nil
        }
    }

    /// For each value that a condition keeps its places; nil where it only leaves out.
    private func lists(_ condition: LabelFilter.Condition) -> [[Int32]]? {
        let keeping = condition.patterns.filter { !$0.isExclusion }
        if keeping.isEmpty { return nil }
        guard let values = values[condition.label], let name = values.first?.name else { return [] }
        let labels: [LabelSet.Label]
        if keeping.allSatisfy({ $0.parts.count == 1 }) {
            // Each once, though it be asked for twice.
            labels = Array(
                Set(keeping.map { LabelSet.Label(name: name, value: String(decoding: $0.parts[0], as: UTF8.self)) }))
        } else {
            labels = values.filter { label in keeping.contains { $0.matches(label.value) } }
        }
        return labels.compactMap { places[$0] }
    }

    private static func size(_ lists: [[Int32]]) -> Int { lists.reduce(0) { $0 + $1.count } }

    private static func has(_ list: [Int32], _ place: Int32) -> Bool {
        var (low, high) = (0, list.count)
        while low < high {
            let middle = (low + high) / 2
            if list[middle] < place { low = middle + 1 } else { high = middle }
        }
        return low < list.count && list[low] == place
    }
}
