import Testing

@testable import Terminal

@Suite("Answers as tables")
struct AnswerTableTests {
    private static let two = """
        {"labels":{"service":"checkout"},"t":[@0,@1,@2],"p99":[212.4,1480,95.25]},
        {"labels":{"service":"cart"},"t":[@1],"p99":[31]}
        """

    private func lines(_ reply: QueryReply, zone: TerminalZone = .utc, width: Int = 100) -> [String] {
        AnswerTable(reply, zone: zone, width: width, style: .plain).lines
    }

    @Test("series stand beside each other where they have room, aligned, and what is absent is seen")
    func besideEachOther() throws {
        #expect(
            lines(try ReplyText.reply(Self.two)) == [
                "response_time (ms)  2026-11-24 10:00–11:00 (UTC)  step 10 min",
                "time   checkout  cart",
                "10:00     212.4     –",
                "10:10    1480.0  31.0",
                "10:20      95.3     –",
            ])
    }

    @Test("a line for each series and time where they have not")
    func belowEachOther() throws {
        #expect(
            lines(try ReplyText.reply(Self.two), width: 20).dropFirst() == [
                "service   time   p99 (ms)",
                "checkout  10:00     212.4",
                "checkout  10:10    1480.0",
                "checkout  10:20      95.3",
                "cart      10:10      31.0",
            ])
    }

    @Test("several aggregations have their names and units below the series")
    func severalAggregations() throws {
        let reply = try ReplyText.reply(
            #"{"labels":{"service":"a"},"t":[@0],"mean":[0.012345],"count":[7],"rate":[0.5]},"#
                + #"{"labels":{"service":"b"},"t":[@0],"mean":[1],"count":[12345],"rate":[null]}"#)
        #expect(
            lines(reply).dropFirst() == [
                "               a      a          a          b      b          b",
                "time   mean (ms)  count  rate (/s)  mean (ms)  count  rate (/s)",
                "10:00      0.012      7     0.5000      1.000  12345          –",
            ])
        let one = try ReplyText.reply(#"{"labels":{},"t":[@0],"count":[7],"max":[1.5]}"#)
        #expect(lines(one).dropFirst() == ["time   count  max (ms)", "10:00      7     1.500"])
    }

    @Test("times are those of the zone, with the date where there are several and seconds where the step has them")
    func times() throws {
        let zone = TerminalZone { _ in 14 * 3_600_000 - 1_800_000 }
        let reply = try ReplyText.reply(#"{"labels":{},"t":[@0,@3,@4],"count":[1,2,3]}"#)
        #expect(
            lines(reply, zone: zone) == [
                "response_time (ms)  2026-11-24 23:30 – 2026-11-25 00:30 (+13:30)  step 10 min",
                "time              count", "2026-11-24 23:30      1", "2026-11-25 00:00      2",
                "2026-11-25 00:10      3",
            ])
        let fine = try ReplyText.reply(#"{"labels":{},"t":[@1],"count":[1]}"#, stepMs: 10_000)
        #expect(lines(fine).last == "10:00:10      1")
        let days = try ReplyText.reply(#"{"labels":{},"t":[@0,@1],"count":[1,2]}"#, stepMs: 86_400_000)
        let midnight = TerminalZone { _ in -10 * 3_600_000 }
        #expect(lines(days, zone: midnight).suffix(2) == ["2026-11-24      1", "2026-11-25      2"])
    }

    @Test("items are cut where they have no room, and labels cannot move the cursor")
    func textsOfOthers() throws {
        let items = (0..<9).map { #"{"item":"/path\#($0)","count":\#(100 - $0)}"# }.joined(separator: ",")
        let top = try ReplyText.reply(#"{"labels":{"service":"a"},"t":[@0],"top":[[\#(items)]]}"#)
        let last = try #require(lines(top, width: 40).last)
        #expect(last == "a        10:00  /path0 100, /path1 99, …" && TerminalText.width(last) == 40)
        let evil = try ReplyText.reply(#"{"labels":{"service":"\u001b[2Jx\u202ey\n"},"t":[@0],"count":[1]}"#)
        #expect(lines(evil)[1] == #"time   \x1b[2Jx\u{202e}y\n"#)
        let wide = try ReplyText.reply(#"{"labels":{"service":"日本"},"t":[@0],"count":[1]}"#)
        #expect(lines(wide).suffix(2) == ["time   日本", "10:00     1"])
    }

    @Test("no series, missing labels, events past the limit")
    func specialSeries() throws {
        #expect(lines(try ReplyText.reply("")).last == "no events")
        let reply = try ReplyText.reply(
            #"{"labels":{"endpoint":"/","service":"a"},"t":[@0],"count":[3]},"#
                + #"{"labels":{"service":"b"},"t":[@0],"count":[2]},"#
                + #"{"labels":{"overflow":"true"},"t":[@0],"count":[1]}"#)
        #expect(lines(reply)[1] == "time   / a  – b  (overflow)")
    }

    @Test("only an answer of the query API is read as one")
    func notAnAnswer() throws {
        #expect(QueryReply(try json("{}")) == nil)
        #expect(QueryReply(try json("[1]")) == nil)
        let uneven = #"{"metric":"a","from":0,"to":10,"step":10,"series":[{"labels":{},"t":[0,5],"count":[1]}]}"#
        #expect(QueryReply(try json(uneven)) == nil)
    }

    @Test("what is missing is said, and how fresh the answer is")
    func notes() throws {
        let reply = try ReplyText.reply("", more: #","truncated":true"#)
        #expect(AnswerNotes.warnings(reply).count == 1 && AnswerNotes.warnings(reply)[0].contains("--limit"))
        #expect(
            AnswerNotes.warnings(degraded: ["redis", "postgres"], isTruncated: false) == [
                "the answer is not whole: Redis and PostgreSQL did not answer, and what only it holds is missing"
            ])
        for (laterMs, text) in [
            (500, "newest event 10:00:00, 0.4 s ago, from memory, Redis"), (61_100, "newest event 10:00:00, 61 s ago"),
            (7_000_000, "116 min ago"), (86_400_100, "newest event 2026-11-24 10:00:00, 24 h ago"),
            (-5_000, "0.0 s ago"),
        ] {
            let note = AnswerNotes.freshness(reply, nowMs: ReplyText.tenOClock + Int64(laterMs), zone: .utc)
            #expect(note?.contains(text) == true, "\(note ?? "nil")")
        }
    }
}
