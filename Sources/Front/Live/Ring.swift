internal import Analytics
internal import Wire

/// The last minutes in memory: for each line (one series of one partition) the records of its seconds, as encoded bytes.
///
/// A delta is appended to the record of its second, since two records one behind the other are their merge, and folded when
/// it has grown or its second is over. Seconds without events take no room. The ring holds [start, end), 512 s behind the clock and what events may
/// lie ahead of it, in at most `maxBytes`: past that the oldest seconds go first, and `start` says so.
struct Ring {
    /// Seconds held behind the clock.
    static let seconds: Int64 = 512
    /// Seconds that can be held at all: events may be up to 5 minutes ahead.
    private static let reach: Int64 = 1024
    /// What a record takes besides its bytes: its place in the line, its heap block, its mark in `touched`.
    private static let overheadBytes = 72
    /// A record is folded when the next second begins, and before when it has grown past this and to twice what folding last left.
    private static let foldBytes = 256

    private struct Slot {
        let second: Int64
        /// Empty where the record is packed.
        var record: [UInt8]
        /// The record's length when it was last folded; all of it where it is packed.
        var foldedBytes: Int
        /// Where it begins among the line's packed bytes; nil where it has an array of its own.
        var place: Int?

        var byteCount: Int { place == nil ? record.count : foldedBytes }
    }

    /// Slots ascending by second; those before `head` are gone, and make room when they are many.
    private struct Line {
        var slots: [Slot] = []
        var head = 0
        /// The records of seconds that are over, one behind the other: who reads five minutes goes through memory in order. What
        /// changes afterwards gets an array of its own again, and leaves a hole until the line is tidied.
        var packed: [UInt8] = []
    }

    let maxBytes: Int
    /// The first second held.
    private(set) var start: Int64
    /// Bytes held, about.
    private(set) var byteCount = 0
    /// Records that could not be decoded.
    private(set) var damagedCount = 0
    private var lines: [Line] = []
    /// For each second, by its remainder: the lines that have a slot there.
    private var touched: [[Int32]]

    /// Makes an empty ring that is whole from second `start` on.
    init(start: Int64, maxBytes: Int = 256 << 20) {
        self.start = start
        self.maxBytes = maxBytes
        touched = Array(repeating: [], count: Int(Self.reach))
    }

    /// The first second that cannot be held yet.
    var end: Int64 { start + Self.reach }

    /// Forgets the seconds before `second`; never moves back.
    mutating func advance(to second: Int64) {
        if second - start >= Self.reach {
            for line in lines.indices { drop(line: line) }
            start = second
            return
        }
        while start < second {
            for line in touched[place(start)] { dropFirst(of: Int(line)) }
            touched[place(start)].removeAll(keepingCapacity: true)
            start += 1
        }
    }

    /// Merges `record` into a line's second; false where the second is not held.
    mutating func add(_ record: [UInt8], line: Int, second: Int64) -> Bool {
        guard second >= start && second < end else { return false }
        while lines.count <= line { lines.append(Line()) }
        let (index, isThere) = find(second, in: lines[line])
        if isThere {
            byteCount += record.count
            unpack(line: line, index: index)
            lines[line].slots[index].record += record
            foldIfGrown(line: line, index: index)
        } else {
            byteCount += record.count + Self.overheadBytes
            // What comes next is nearly all for the new second, so the one before is brought into its final form: it is read often.
            if index == lines[line].slots.count, index > lines[line].head { pack(line: line, index: index - 1) }
            lines[line].slots.insert(
                Slot(second: second, record: record, foldedBytes: record.count), at: index)
            touched[place(second)].append(Int32(line))
        }
        while byteCount > maxBytes && start < second { advance(to: start + 1) }
        return true
    }

    /// Forgets all of a line: its partition is read anew.
    mutating func drop(line: Int) {
        guard line < lines.count else { return }
        for slot in lines[line].slots[lines[line].head...] {
            byteCount -= slot.byteCount + Self.overheadBytes
            touched[place(slot.second)].removeAll { $0 == Int32(line) }
        }
        lines[line] = Line()
    }

    /// Seconds that a line has.
    func count(line: Int) -> Int { line < lines.count ? lines[line].slots.count - lines[line].head : 0 }

    /// Calls `body` with what `metric` has in each second of a line in [from, to), ascending.
    func forEachAggregate(
        of metric: MetricID, line: Int, from: Int64, to: Int64, _ body: (Int64, Aggregate) -> Void
    ) {
        guard line < lines.count else { return }
        let held = lines[line]
        var aggregate = Aggregate()
        for index in find(from, in: held).index..<held.slots.count {
            guard held.slots[index].second < to else { return }
            aggregate.removeAll()
            let isRead: Void?
            if let place = held.slots[index].place {
                let range = place..<place + held.slots[index].foldedBytes
                isRead = try? RecordCodec.merge(held.packed.span, range, of: metric, into: &aggregate)
            } else {
                isRead = try? RecordCodec.merge(held.slots[index].record, of: metric, into: &aggregate)
            }
            if isRead != nil, !aggregate.isEmpty { body(held.slots[index].second, aggregate) }
        }
    }

    private func place(_ second: Int64) -> Int { Int(second & (Self.reach - 1)) }

    /// Where a second stands in a line, or belongs. Nearly always at the end.
    private func find(_ second: Int64, in line: Line) -> (index: Int, isThere: Bool) {
        var low = line.head
        var high = line.slots.count
        if let last = line.slots.last, last.second < second { return (high, false) }
        while low < high {
            let middle = (low + high) / 2
            if line.slots[middle].second < second { low = middle + 1 } else { high = middle }
        }
        return (low, low < line.slots.count && line.slots[low].second == second)
    }

    private mutating func dropFirst(of line: Int) {
        let head = lines[line].head
        guard head < lines[line].slots.count, lines[line].slots[head].second == start else { return }
        byteCount -= lines[line].slots[head].byteCount + Self.overheadBytes
        lines[line].slots[head].record = []
        lines[line].head += 1
        if lines[line].head == lines[line].slots.count {
            lines[line] = Line()
        } else if lines[line].head >= 64 {
            tidy(line: line)
        }
    }

    /// Gives the room of seconds that are gone back.
    private mutating func tidy(line: Int) {
        lines[line].slots.removeFirst(lines[line].head)
        lines[line].head = 0
        let first = lines[line].slots.lazy.compactMap(\.place).min() ?? lines[line].packed.count
        guard first > 0 else { return }
        lines[line].packed.removeFirst(first)
        for index in lines[line].slots.indices {
            if let place = lines[line].slots[index].place { lines[line].slots[index].place = place - first }
        }
    }

    /// Brings the record of a second that is over into its final form.
    private mutating func pack(line: Int, index: Int) {
        guard lines[line].slots[index].place == nil else { return }
        fold(line: line, index: index)
        let record = lines[line].slots[index].record
        lines[line].slots[index].place = lines[line].packed.count
        lines[line].slots[index].foldedBytes = record.count
        lines[line].slots[index].record = []
        lines[line].packed += record
    }

    private mutating func unpack(line: Int, index: Int) {
        guard let place = lines[line].slots[index].place else { return }
        let count = lines[line].slots[index].foldedBytes
        lines[line].slots[index].record = Array(lines[line].packed[place..<place + count])
        lines[line].slots[index].place = nil
    }

    private mutating func foldIfGrown(line: Int, index: Int) {
        let slot = lines[line].slots[index]
        guard slot.record.count > Self.foldBytes && slot.record.count > 2 * slot.foldedBytes else { return }
        fold(line: line, index: index)
    }

    /// Merges the parts of a record, where it has several.
    private mutating func fold(line: Int, index: Int) {
        let slot = lines[line].slots[index]
        guard slot.record.count != slot.foldedBytes else { return }
        guard let record = try? RecordCodec.decode(slot.record) else {
            damagedCount += 1
            lines[line].slots[index].foldedBytes = slot.record.count
            return
        }
        let folded = RecordCodec.encode(record)
        byteCount += folded.count - slot.record.count
        lines[line].slots[index].record = folded
        lines[line].slots[index].foldedBytes = folded.count
    }
}
