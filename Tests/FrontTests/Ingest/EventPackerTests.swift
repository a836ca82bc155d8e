import Analytics
import Testing

@testable import Front

@Suite("Packing events")
struct EventPackerTests {
    private let receivedMs: Int64 = 1_795_428_000_000

    @Test func goodLinesAreKeptAsTheyAreAndBadOnesNamed() {
        let packed = pack("{\"a\":1}\n\n  {\"b\" : \"x\"} \r\n{oops}\n[1]\n{\"c\":3}")
        #expect(packed.accepted == 3 && packed.rejected == 2)
        #expect(packed.errors.map(\.line) == [4, 5])
        #expect(texts(packed) == ["{\"a\":1}\n{\"b\" : \"x\"}\n{\"c\":3}\n"])
        #expect(packed.entries[0].eventCount == 3)
    }

    @Test func twentyErrorsAreListedAndAllCounted() {
        let packed = pack(String(repeating: "no\n", count: 50))
        #expect(packed.rejected == 50 && packed.errors.map(\.line) == Array(1...20) && packed.entries.isEmpty)
    }

    @Test func anArrayIsItsElementsEachOnALineOfItsOwn() {
        let packed = pack("[ {\"a\":\"],}\"},\n {\n\"b\":{\"c\":[]} } , 5, {\"d\":\"\\\"\"}\n]", .json)
        #expect(packed.errors.map(\.line) == [2, 3])
        #expect(texts(packed) == ["{\"a\":\"],}\"}\n{\"d\":\"\\\"\"}\n"])
        #expect(texts(pack("[{\n\"a\":\n1}]", .json)) == ["{ \"a\": 1}\n"])
    }

    @Test(
        arguments: [
            ("", 0, 0), ("[]", 0, 0), (" {\"a\":1} ", 1, 0), ("[{\"a\":1}", 0, 1), ("[{\"a\":1},", 1, 1),
            ("[{\"a\":1},]", 1, 1), ("[,{\"a\":1}]", 1, 1), ("[{\"a\":1}] x", 1, 1), ("{\"a\":1} {\"a\":2}", 0, 1),
            ("[", 0, 1),
            ("[]]", 0, 1), ("\"text\"", 0, 1),
        ] as [(String, Int, Int)])
    func whatIsNoArrayIsSaidToBeNone(body: String, accepted: Int, rejected: Int) {
        let packed = pack(body, .json)
        #expect(packed.accepted == accepted && packed.rejected == rejected, "\(body)")
    }

    @Test func timesAreTakenFromLateToFiveMinutesAhead() {
        let lateMs: Int64 = 86_400_000
        for (ts, isTaken) in [
            ("\(receivedMs + 300_000)", true), ("\(receivedMs + 300_001)", false), ("\(receivedMs - lateMs)", true),
            ("\(receivedMs - lateMs - 1)", false), ("\"2026-11-23T10:00:00Z\"", true), ("\"yesterday\"", false),
            ("\"\(receivedMs)\"", true), ("true", false), ("null", true),
        ] {
            let packed = pack("{\"ts\":\(ts)}", lateMs: lateMs)
            #expect((packed.accepted == 1) == isTaken, "\(ts)")
            #expect(isTaken || packed.errors[0].error.contains("ts"), "\(packed.errors)")
        }
        #expect(pack("{\"ts\":0}", lateMs: lateMs).errors[0].error.contains("1 day old"))
    }

    @Test func entriesHold500EventsAnd64KiB() {
        let many = pack(String(repeating: "{\"a\":1}\n", count: 1_201))
        #expect(many.entries.map(\.eventCount) == [500, 500, 201])
        let event = "{\"a\":\"\(String(repeating: "x", count: 20_000))\"}"
        let large = pack(Array(repeating: event, count: 7).joined(separator: "\n"))
        #expect(large.entries.map(\.eventCount) == [3, 3, 1])
        #expect(large.entries.allSatisfy { $0.ndjson.count <= 65_536 })
    }

    @Test func oneEventMayFillAnEntryAndNoMore() {
        let frame = "{\"a\":\"\"}".utf8.count
        let fits = "{\"a\":\"\(String(repeating: "x", count: 65_535 - frame))\"}"
        #expect(pack(fits).entries.map(\.ndjson.count) == [65_536])
        let packed = pack("{}\n" + fits.replacing("xx\"", with: "xxx\"") + "\n{}")
        #expect(packed.accepted == 2 && packed.errors.map(\.line) == [2])
    }

    private func pack(
        _ body: String, _ format: EventPacker.Format = .lines, lateMs: Int64 = 7 * 86_400_000
    ) -> EventPacker.Packed {
        var packer = EventPacker(lateMs: lateMs)
        return packer.pack(Array(body.utf8), format, receivedMs: receivedMs)
    }

    private func texts(_ packed: EventPacker.Packed) -> [String] {
        packed.entries.map { String(decoding: $0.ndjson, as: UTF8.self) }
    }
}
