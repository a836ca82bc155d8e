import Analytics
import TestKit
import Testing
import Wire

extension SeriesKey {
    /// A series whose texts hold whatever a label may hold.
    static func random(using rng: inout SplitMix64) -> SeriesKey {
        let pieces = [
            "a", "/pay", "\"", "\\", "\n", "\u{1}", "\u{7F}", "\u{2028}", "é", "e\u{301}", "😀", "</script>", "\0", "",
        ]
        let labels = ["endpoint", "service", "x.y_z-1"].filter { _ in Bool.random(using: &rng) }.map { name in
            let value = (0..<Int.random(in: 0...5, using: &rng)).compactMap { _ in pieces.randomElement(using: &rng) }
            return LabelSet.Label(name: name, value: value.joined())
        }
        return SeriesKey(group: labels.map(\.name).joined(separator: ","), labels: LabelSet(labels))
    }
}

@Suite("Live delta codec")
struct LiveDeltaCodecTests {
    @Test("what a batch adds comes back", arguments: Seed.range(60))
    func comesBack(seed: Seed) throws {
        var rng = SplitMix64(seed)
        let series = (0..<Int.random(in: 0...4, using: &rng)).map {
            NumberedSeries(number: $0 * 99, key: .random(using: &rng))
        }
        let deltas = (0..<Int.random(in: 0...20, using: &rng)).map { _ in
            RecentBuckets.Bucket(
                series: .random(in: 0..<1_000, using: &rng), second: .random(in: -9...1_795_428_000, using: &rng),
                record: RecordCodec.encode(.random(metrics: 2, using: &rng)))
        }
        let sets = deltas.shuffled(using: &rng).prefix(3)
        let bytes = LiveDeltaCodec.encode(newSeries: series, deltas: deltas, setDeltas: Array(sets))
        let decoded = try LiveDeltaCodec.decode(bytes)
        #expect(decoded.newSeries == series)
        #expect(decoded.deltas.map(\.series) == deltas.map(\.series))
        #expect(decoded.deltas.map(\.second) == deltas.map(\.second))
        #expect(decoded.deltas.map(\.record) == deltas.map(\.record))
        #expect(decoded.setDeltas.map(\.second) == sets.map(\.second))
        #expect(decoded.setDeltas.map(\.record) == sets.map(\.record))
        for end in bytes.indices {
            #expect(throws: DecodingFailure.self) { try LiveDeltaCodec.decode(Array(bytes[..<end])) }
        }
        #expect(throws: DecodingFailure.self) { try LiveDeltaCodec.decode(bytes + [0]) }
        for _ in 0..<50 { _ = try? LiveDeltaCodec.decode(bytes.damaged(using: &rng)) }
    }

    @Test func refusesAnotherVersion() {
        #expect(throws: DecodingFailure.self) { try LiveDeltaCodec.decode([1, 0, 0, 0]) }
        #expect(throws: Never.self) { try LiveDeltaCodec.decode([2, 0, 0, 0]) }
    }
}

@Suite("Series key as JSON")
struct SeriesKeyJSONTests {
    @Test func isAsDocumented() {
        let labels = LabelSet([.init(name: "service", value: "checkout"), .init(name: "endpoint", value: "/pay")])
        let json = SeriesKeyJSON.encode(SeriesKey(group: "endpoint,service", labels: labels))
        #expect(
            String(decoding: json, as: UTF8.self) == #"["endpoint,service",{"endpoint":"/pay","service":"checkout"}]"#)
    }

    @Test("whatever a label holds comes back", arguments: Seed.range(200))
    func comesBack(seed: Seed) throws {
        var rng = SplitMix64(seed)
        let key = SeriesKey.random(using: &rng)
        #expect(SeriesKeyJSON.decode(SeriesKeyJSON.encode(key)) == key)
    }

    @Test(arguments: [
        "", "[]", "{}", #"["a"]"#, #"["a",{},1]"#, #"[1,{}]"#, #"["a",[]]"#, #"["a",{"x":1}]"#, #"["a",{"x":"y"}"#,
    ])
    func refusesDamage(json: String) { #expect(SeriesKeyJSON.decode(Array(json.utf8)) == nil) }
}
