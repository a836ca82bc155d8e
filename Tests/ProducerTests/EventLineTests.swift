import Foundation
import TestKit
import Testing

@testable import Producer

@Suite("NDJSON event line")
struct EventLineTests {
    private func append(_ line: String, _ times: TimeMap) -> (LineOutcome, String) {
        var times = times
        var output: [UInt8] = []
        let outcome = EventLine.append(Array(line.utf8).span, times: &times, into: &output)
        return (outcome, String(decoding: output, as: UTF8.self))
    }

    @Test(
        "the time of receipt moves, the rest stays to the byte",
        arguments: [
            (#"{"ts":1000,"a":1}"#, #"{"ts":1500,"a":1}"#),
            (#" {"a":"ts","b":{"ts":7},"ts" : 1000.9 }"#, #"{"a":"ts","b":{"ts":7},"ts" : 1500 }"#),
            (#"{"ts":"1970-01-01T00:00:01Z"}"#, #"{"ts":1500}"#),
            (#"{"ts":"1970-01-01T01:00:01.25+01:00","x":[1,"]"]}"#, #"{"ts":1750,"x":[1,"]"]}"#),
            (#"{"x":"a\"b","y":[{"ts":1},"}"],"ts":1e3}"#, #"{"x":"a\"b","y":[{"ts":1},"}"],"ts":1500}"#),
        ])
    func theTimeMoves(line: String, expected: String) {
        let (outcome, output) = append(line, .shifted(byMs: 500))
        #expect(output == expected + "\n")
        guard case .event(let time) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(time != nil)
    }

    @Test(
        "what has no readable time goes on as it is",
        arguments: [
            #"{"a":1}"#, #"{"ts":"yesterday"}"#, #"{"ts":null}"#, #"{"ts""#, #"{"ts":1"#, #"{"a":"ts":1}"#, "nonsense",
            "[1]",
            #"{"ts":1e300}"#, #"{"ts":"2015-13-01T00:00:00Z"}"#, "{", #"{"a\"#,
        ])
    func withoutTimeNothingChanges(line: String) {
        let (outcome, output) = append(line, .shifted(byMs: 500))
        #expect(output == line + "\n")
        #expect(outcome == .event(timeMs: nil))
    }

    @Test("RFC 3339 is read as Foundation reads it", arguments: Seed.range(200))
    func timesAgreeWithFoundation(seed: Seed) throws {
        var rng = SplitMix64(seed)
        let ms = Int64.random(in: -2_000_000_000_000...4_000_000_000_000, using: &rng)
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
        formatter.timeZone = TimeZone(secondsFromGMT: Int.random(in: -12...12, using: &rng) * 3600)
        let line = #"{"ts":"\#(formatter.string(from: Date(timeIntervalSince1970: Double(ms) / 1000)))"}"#
        #expect(EventLine.timeMs(of: Array(line.utf8).span) == ms)
    }

    @Test("random damage never writes more or less than one line", arguments: Seed.range(200))
    func damage(seed: Seed) {
        var rng = SplitMix64(seed)
        var line = Array(#"{"a":"x\"y","n":{"ts":[1,2]},"ts":"2026-11-23T10:00:00.123Z","z":-1.5e3}"#.utf8)
        for _ in 0..<Int.random(in: 1...4, using: &rng) {
            line[Int.random(in: 0..<line.count, using: &rng)] = UInt8.random(in: 0x20...255, using: &rng)
        }
        line.removeLast(Int.random(in: 0..<line.count, using: &rng))
        var times = TimeMap.shifted(byMs: 1)
        var output: [UInt8] = []
        let outcome = EventLine.append(line.span, times: &times, into: &output)
        #expect(output.count { $0 == 10 } == (outcome == .blank ? 0 : 1))
    }
}
