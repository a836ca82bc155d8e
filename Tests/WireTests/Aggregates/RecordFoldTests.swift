import Analytics
import TestKit
import Testing
import Wire

@Suite("Record fold")
struct RecordFoldTests {
    /// What rows hold of one record, by metric.
    private struct Row: Equatable {
        let metric: MetricID
        let numbers: AggregateNumbers
        let sketch: [UInt8]
        let registers: HyperLogLog?
        let items: TopItems?
    }

    private func rows(_ fold: RecordFold) -> [Row] {
        var rows = MinuteRows()
        for index in 0..<fold.count {
            fold.append(index, to: &rows, origin: index, minuteMs: 60_000, generation: .zero, version: .zero)
        }
        return rows.rows.map { row in
            let sets = row.sets.map { rows.sets[$0] }
            return Row(
                metric: fold.metric(row.origin), numbers: row.numbers, sketch: Array(rows.sketches[row.sketch]),
                registers: sets?.registers, items: sets?.items)
        }
    }

    private func rows(_ record: Record) -> [Row] {
        record.sections.map { section in
            var sketch: [UInt8] = []
            if !section.aggregate.sketch.isEmpty { SketchCodec.append(section.aggregate.sketch, to: &sketch) }
            return Row(
                metric: section.metric, numbers: AggregateNumbers(section.aggregate), sketch: sketch,
                registers: section.aggregate.registers, items: section.aggregate.items)
        }
    }

    @Test("one record after the other, each is what decoding it alone gives", arguments: Seed.range(60))
    func readsWhatDecodingGives(seed: Seed) throws {
        var rng = SplitMix64(seed)
        var fold = RecordFold()
        for _ in 0..<30 {
            let before = (0..<3).map { _ in UInt8.random(in: 0...255, using: &rng) }
            var parts: [UInt8] = []
            for _ in 0..<Int.random(in: 0...6, using: &rng) {
                parts += RecordCodec.encode(.random(metrics: 4, using: &rng))
            }
            let bytes = before + parts + before
            try fold.read(bytes.span, 3..<3 + parts.count)
            #expect(rows(fold) == rows(try RecordCodec.decode(parts)))
            for index in 0..<fold.count { #expect(fold.isConsistent(index)) }
        }
    }

    @Test("damage is refused where decoding refuses it, and leaves no trace in the next", arguments: Seed.range(60))
    func refusesDamage(seed: Seed) throws {
        var rng = SplitMix64(seed)
        var fold = RecordFold()
        for _ in 0..<50 {
            let whole = RecordCodec.encode(.random(metrics: 3, using: &rng))
            let damaged = whole.damaged(using: &rng)
            let expected = Result { () throws(DecodingFailure) in try RecordCodec.decode(damaged) }
            let found = Result { () throws(DecodingFailure) in try fold.read(damaged.span, 0..<damaged.count) }
            switch (expected, found) {
            case (.success(let record), .success): #expect(rows(fold) == rows(record))
            case (.failure(let one), .failure(let other)): #expect(one == other)
            default: Issue.record("\(damaged): decoding and folding disagree")
            }
            try fold.read(whole.span, 0..<whole.count)
            #expect(rows(fold) == rows(try RecordCodec.decode(whole)))
        }
    }
}
