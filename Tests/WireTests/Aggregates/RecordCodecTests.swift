import Analytics
import TestKit
import Testing
import Wire

@Suite("Record codec")
struct RecordCodecTests {
    @Test("records come back, and one behind the other they are their merge", arguments: Seed.range(150))
    func comesBackAndConcatenates(seed: Seed) throws {
        var rng = SplitMix64(seed)
        let (a, b) = (Record.random(metrics: 4, using: &rng), Record.random(metrics: 4, using: &rng))
        let (first, second) = (RecordCodec.encode(a), RecordCodec.encode(b))
        #expect(try RecordCodec.decode(first) == a)
        var both = a
        both.merge(b)
        #expect(try RecordCodec.decode(first + second) == both)
        #expect(try RecordCodec.decode((first + second).span, first.count..<first.count + second.count) == b)
        for section in both.sections {
            var aggregate = Aggregate()
            try RecordCodec.merge(first + second, of: section.metric, into: &aggregate)
            #expect(aggregate == section.aggregate)
        }
    }

    @Test("what is cut off is refused, or is a whole record", arguments: Seed.range(30))
    func refusesWhatIsCutOff(seed: Seed) throws {
        var rng = SplitMix64(seed)
        let record = Record.random(metrics: 3, using: &rng)
        let bytes = RecordCodec.encode(record)
        var whole = 0
        for end in bytes.indices {
            guard let part = try? RecordCodec.decode(Array(bytes[..<end])) else { continue }
            // Cut between sections: those in front are all there.
            #expect(part.sections == Array(record.sections.prefix(part.sections.count)))
            whole += 1
            #expect(throws: DecodingFailure.self) { try RecordCodec.decode(bytes.span, 0..<bytes.count - 1) }
        }
        #expect(whole == record.sections.count)
    }

    @Test("damaged bytes are refused or are another record that can be stored", arguments: Seed.range(60))
    func survivesDamage(seed: Seed) throws {
        var rng = SplitMix64(seed)
        for _ in 0..<100 {
            let bytes =
                Bool.random(using: &rng)
                ? RecordCodec.encode(.random(metrics: 3, using: &rng)).damaged(using: &rng)
                : (0..<Int.random(in: 0...40, using: &rng)).map { _ in UInt8.random(in: 0...255, using: &rng) }
            guard var record = try? RecordCodec.decode(bytes) else { continue }
            #expect(try RecordCodec.decode(RecordCodec.encode(record)) == record)
            record.merge(record)
            for section in record.sections { _ = section.aggregate.value(.p99, seconds: 1) }
        }
    }

    @Test func refusesCountsThatNoEventsMake() {
        let great: [UInt8] = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10]
        #expect(throws: Never.self) { try RecordCodec.decode([0, 0] + great) }
        #expect(throws: DecodingFailure.self) { try RecordCodec.decode([0, 0] + great + [0, 0] + great) }
        #expect(throws: DecodingFailure.self) { try RecordCodec.decode([0, 4, 1, 2]) }
        let infinite: [UInt8] = [0, 0, 0, 0, 0, 0, 0xF0, 0x7F]
        #expect(throws: DecodingFailure.self) { try RecordCodec.decode([0, 2, 1] + infinite) }
        #expect(throws: DecodingFailure.self) { try RecordCodec.decode([0, 32, 1]) }
        // A sketch of one value for two events.
        #expect(throws: DecodingFailure.self) { try RecordCodec.decode([0, 16, 2, 1, 1]) }
    }

    @Test func oneEventIsShort() throws {
        var record = Record()
        var aggregate = Aggregate()
        aggregate.addToGauge(2, atMs: 0)
        record.merge(aggregate, into: MetricID(rawValue: 7))
        // Neither its count nor, of a distribution, its sketch: the value tells both.
        #expect(RecordCodec.encode(record) == [7, 1 | 8, 0, 0, 0, 0, 0, 0, 0, 0x40, 0])
        var distribution = Aggregate()
        distribution.addToDistribution(2)
        record = Record()
        record.merge(distribution, into: MetricID(rawValue: 7))
        #expect(RecordCodec.encode(record) == [7, 1 | 16, 0, 0, 0, 0, 0, 0, 0, 0x40])
        #expect(try RecordCodec.decode(RecordCodec.encode(record)) == record)
    }

    @Test func equalCountsOfARecordAreToldOnce() throws {
        var record = Record()
        var aggregate = Aggregate()
        for _ in 0..<300 { aggregate.addEvent() }
        for metric: UInt16 in [1, 2, 5] { record.merge(aggregate, into: MetricID(rawValue: metric)) }
        #expect(RecordCodec.encode(record) == [1, 0, 0xAC, 2, 2, 128, 5, 128])
        #expect(try RecordCodec.decode(RecordCodec.encode(record)) == record)
        #expect(throws: DecodingFailure.self) { try RecordCodec.decode([2, 128]) }
    }
}
