internal import Analytics

/// What there is to ask for: the metrics' definitions, and every series of every partition.
///
/// A **line** is one series of one partition, by a dense number of this process: what the ring and the live groups count by.
/// Lines of different partitions may be the same series. One owner, one thread; a reference, since each delta is looked up in it.
final class SeriesCatalog {
    /// One series of one partition.
    struct Line {
        let partition: Int
        /// Its number there.
        let number: Int
        /// Index into `series`.
        let series: Int
        /// Index into `groupNames`.
        let group: Int
    }

    /// A distinct series, wherever its parts are.
    struct Series {
        let key: SeriesKey
        /// Where its parts are; none where every store has forgotten it.
        var lines: [Int] = []
        /// The last second with an event, as far as this process has seen; 0 where it has seen none.
        var lastSecond: Int64 = 0
    }

    private(set) var definitions = Definitions(version: 0, metrics: [.events])
    private(set) var lines: [Line] = []
    private(set) var series: [Series] = []
    /// Groups of metrics that have series.
    private(set) var groupNames: [String] = []
    private var groupByName: [String: Int] = [:]
    private var seriesByKey: [SeriesKey: Int] = [:]
    /// By group: its series, in the order they appeared.
    private var seriesByGroup: [[Int]] = []
    /// By group: the labels of its series, in the same order.
    private var indexByGroup: [LabelIndex] = []
    /// For each partition the lines by number; -1 where a number is not known.
    private var lineByNumber: [[Int32]] = []

    /// Follows the definitions; an older version changes nothing.
    func define(_ newer: Definitions) {
        if newer.version >= definitions.version { definitions = newer }
    }

    /// Replaces all that is known of a partition, which may have been emptied and have counted anew; its lines stay where
    /// number and series are the same.
    func replace(partition: Int, by list: [NumberedSeries]) {
        let before = partition < lineByNumber.count ? lineByNumber[partition].filter { $0 >= 0 }.map(Int.init) : []
        var kept: Set<Int> = []
        for numbered in list { kept.insert(add(numbered, partition: partition)) }
        for line in before where !kept.contains(line) {
            series[lines[line].series].lines.removeAll { $0 == line }
            let number = lines[line].number
            if lineByNumber[partition][number] == Int32(line) { lineByNumber[partition][number] = -1 }
        }
    }

    /// Adds a series of a partition, where it is not known; returns its line.
    @discardableResult
    func add(_ numbered: NumberedSeries, partition: Int) -> Int {
        if let known = line(partition: partition, number: numbered.number), key(ofLine: known) == numbered.key {
            return known
        }
        let index = seriesByKey[numbered.key] ?? addSeries(numbered.key)
        let line = lines.count
        lines.append(
            Line(
                partition: partition, number: numbered.number, series: index,
                group: groupByName[numbered.key.group] ?? 0))
        series[index].lines.append(line)
        while lineByNumber.count <= partition { lineByNumber.append([]) }
        let missing = numbered.number + 1 - lineByNumber[partition].count
        if missing > 0 { lineByNumber[partition].append(contentsOf: repeatElement(-1, count: missing)) }
        lineByNumber[partition][numbered.number] = Int32(line)
        return line
    }

    /// The line of a partition's series; nil where it is not known.
    func line(partition: Int, number: Int) -> Int? {
        guard partition < lineByNumber.count, number >= 0, number < lineByNumber[partition].count else { return nil }
        let line = lineByNumber[partition][number]
        return line < 0 ? nil : Int(line)
    }

    /// The known lines of a partition, ascending by number.
    func lines(ofPartition partition: Int) -> [Int] {
        partition < lineByNumber.count ? lineByNumber[partition].filter { $0 >= 0 }.map(Int.init) : []
    }

    /// What a line's series is.
    func key(ofLine line: Int) -> SeriesKey { series[lines[line].series].key }

    /// Notes an event of a line.
    func saw(line: Int, second: Int64) {
        let index = lines[line].series
        if second > series[index].lastSecond { series[index].lastSecond = second }
    }

    /// The series of a metric that the stores hold, by their indices.
    func series(of metric: MetricDefinition) -> [Int] {
        ([metric.group.name] + metric.formerGroups).flatMap { name in
            groupByName[name].map { group in seriesByGroup[group].filter { !series[$0].lines.isEmpty } } ?? []
        }
    }

    /// The group of metrics called `name`, where it has series.
    func group(named name: String) -> Int? { groupByName[name] }

    /// All series a group ever had, in the order they appeared: a list that only grows.
    func everySeries(ofGroup group: Int) -> [Int] { seriesByGroup[group] }

    /// The series of a group that a filter lets through, among all it ever had; without looking at the others.
    func select(group: Int, _ filter: LabelFilter) -> [Int] {
        indexByGroup[group].select(filter).map { seriesByGroup[group][$0] }
    }

    /// How many distinct values a metric's label has had, or more where the metric has changed its labels.
    func valueCount(of metric: MetricDefinition, label: String) -> Int {
        ([metric.group.name] + metric.formerGroups).reduce(0) { sum, name in
            sum + (groupByName[name].map { indexByGroup[$0].valueCount(of: label) } ?? 0)
        }
    }

    private func addSeries(_ key: SeriesKey) -> Int {
        let group = groupByName[key.group] ?? groupNames.count
        if group == groupNames.count {
            groupNames.append(key.group)
            groupByName[key.group] = group
            seriesByGroup.append([])
            indexByGroup.append(LabelIndex())
        }
        series.append(Series(key: key))
        seriesByKey[key] = series.count - 1
        seriesByGroup[group].append(series.count - 1)
        indexByGroup[group].append(key.labels)
        return series.count - 1
    }
}
