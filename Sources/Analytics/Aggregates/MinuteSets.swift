/// Folds events into what they add to the sets of minutes: values that change a HyperLogLog's registers, and counts of items.
///
/// Of uniques it remembers, from batch to batch, the registers that the store will have when all batches taken so far are
/// applied, so that only values that change one are sent. Forgetting them is safe: a value that was added before changes
/// nothing. Costs no allocation for a value that was seen before.
package struct MinuteSets: Sendable {
    /// What a batch adds to one set of one series and minute.
    package struct Delta: Sendable {
        /// The series' number in the partition.
        package let series: Int
        /// Start of the minute, seconds since 1970.
        package let minute: Int64
        package let set: MetricSet
        /// True where the set was not met since this value was made: the store may have it or not.
        package let isNew: Bool
        /// Of a unique: values that change registers, in the order they came, and these registers.
        package var values: [[UInt8]] = []
        package var registers = HyperLogLog()
        /// Of a top: what the batch counted.
        package var items = TopItems()
    }

    /// Items longer than this, in bytes, are cut, as label values are.
    package static let maxItemBytes = BatchAggregator.maxLabelBytes
    /// Registers raised, and sets met, before what is remembered is forgotten: some 64 MiB.
    private static let maxRaised = 4_000_000
    private static let maxPlaces = 100_000

    private struct Place: Hashable {
        let set: Int32
        let series: Int32
        let minute: Int64
    }

    /// A set of a minute that has been met.
    private struct Met {
        let place: Place
        /// Index into `open`, or -1 where the batch has not touched it.
        var open: Int32 = -1
        var registers = HyperLogLog()
    }

    private struct Open {
        let met: Int
        let isNew: Bool
        var values: [[UInt8]] = []
        var registers = HyperLogLog()
        var items = ByteKeyTable()
        var counts: [Int] = []
    }

    private let sets: [MetricSet]
    private var met: [Met] = []
    private var metByPlace: [Place: Int] = [:]
    /// By set and series: the set met last, since events of a series mostly follow each other in time.
    private var latest: [[Int32]]
    private var open: [Open] = []
    private var raised = 0

    /// `sets` are named by their index from now on.
    package init(_ sets: [MetricSet]) {
        self.sets = sets
        latest = Array(repeating: [], count: sets.count)
    }

    /// How many sets of minutes the batch touches so far.
    package var touchedCount: Int { open.count }

    /// Counts one event: `value` is the text of its field.
    package mutating func add(_ value: [UInt8], set: Int, series: Int, minute: Int64) {
        let index = meet(set: set, series: series, minute: minute)
        if sets[set].kind == .unique {
            let register = HyperLogLog.place(of: value.span)
            guard met[index].registers.raise(register) else { return }
            raised += 1
            let place = touch(index)
            open[place].values.append(value)
            open[place].registers.raise(register)
        } else {
            let place = touch(index)
            if let known = open[place].items.number(of: value) {
                open[place].counts[known] += 1
            } else {
                open[place].items.add(value)
                open[place].counts.append(1)
            }
        }
    }

    /// What was added since the last call.
    package mutating func take() -> [Delta] {
        let deltas = open.map { open in
            let place = met[open.met].place
            var delta = Delta(
                series: Int(place.series), minute: place.minute, set: sets[Int(place.set)], isNew: open.isNew)
            delta.values = open.values
            delta.registers = open.registers
            for (number, count) in open.counts.enumerated() {
                delta.items.add(Array(open.items.key(number)), count: count)
            }
            return delta
        }
        if raised > Self.maxRaised || met.count > Self.maxPlaces {
            self = MinuteSets(sets)
        } else {
            for open in open { met[open.met].open = -1 }
            open.removeAll(keepingCapacity: true)
        }
        return deltas
    }

    private mutating func meet(set: Int, series: Int, minute: Int64) -> Int {
        while latest[set].count <= series { latest[set].append(-1) }
        let last = Int(latest[set][series])
        if last >= 0, met[last].place.minute == minute { return last }
        let place = Place(set: Int32(set), series: Int32(series), minute: minute)
        let index: Int
        if let known = metByPlace[place] {
            index = known
        } else {
            index = met.count
            met.append(Met(place: place))
            metByPlace[place] = index
            // Told as new until it has been taken once.
            met[index].open = Int32(open.count)
            open.append(Open(met: index, isNew: true))
        }
        latest[set][series] = Int32(index)
        return index
    }

    private mutating func touch(_ index: Int) -> Int {
        if met[index].open >= 0 { return Int(met[index].open) }
        met[index].open = Int32(open.count)
        open.append(Open(met: index, isNew: false))
        return open.count - 1
    }
}
