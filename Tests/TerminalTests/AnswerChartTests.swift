import Testing

@testable import Terminal

@Suite("Answers as charts")
struct AnswerChartTests {
    private static let two = """
        {"labels":{"service":"checkout"},"t":[@0,@1,@2,@3,@4,@5],"p99":[10,212.4,480,300,350,95.25]},
        {"labels":{"service":"cart"},"t":[@0,@2,@3,@5],"p99":[31,20,25,200]}
        """

    private func rows(_ reply: QueryReply, width: Int = 44, height: Int = 14, colours: Bool = false) -> [String] {
        AnswerChart(reply, zone: .utc, width: width, height: height, style: TerminalStyle(hasColours: colours)).rows
    }

    @Test("neighbours are joined, gaps are seen, axes have units, and marks tell lines apart")
    func twoLines() throws {
        #expect(
            rows(try ReplyText.reply(Self.two), height: 12) == [
                "response_time (ms)  2026-11-24 10:00–11:00 …",
                "500 ms ┤            ⡠⠢⢄⡀",
                "       │         ⢀⡠⠊   ⠈⠒⢄⡀     ⢀⣀⡀",
                "       │       ⢀⠔⠁        ⠈⠑⠒⠊⠉⠉⠁ ⠈⠢⡀",
                "       │     ⣀⠔⠁                    ⠈⠒⢄ ⠠ B",
                "       │  ⢀⠤⠊                          ⠑⢄ A",
                "  0 ms ┤⡤⠒⠁          ⠤⠤⠤⠤⠤⠤⠤",
                "       └┬─────────┬────────┬─────────┬───",
                "      10:00     10:15    10:30     10:45",
                "   in ms      last   min    max",
                "A  checkout   95.3  10.0  480.0",
                "B  cart      200.0  20.0  200.0",
            ])
    }

    @Test("colours change nothing but colours")
    func colours() throws {
        let reply = try ReplyText.reply(Self.two)
        let coloured = rows(reply, colours: true)
        #expect(coloured.contains { $0.contains("\u{1B}[36m") } && coloured.contains { $0.contains("\u{1B}[33m") })
        #expect(
            coloured.allSatisfy { !$0.contains("\u{1B}[") || $0.hasSuffix("\u{1B}[0m") || $0.contains("\u{1B}[0m") })
        let stripped = coloured.map { row in
            var row = ReplyText.plain(row)
            while row.last == " " { row.removeLast() }
            return row
        }
        #expect(stripped == rows(reply))
    }

    @Test("every row fits, whatever the terminal's size", arguments: [(30, 10), (31, 24), (80, 24), (200, 60)])
    func fits(width: Int, height: Int) throws {
        var series: [String] = []
        for number in 0..<11 {
            let values = (0..<40).map { "\($0 * number * 1_000)" }.joined(separator: ",")
            let times = (0..<40).map { "@\($0)" }.joined(separator: ",")
            series.append(
                #"{"labels":{"endpoint":"/a/very/long/path/of/the/endpoint/\#(number)"},"t":[\#(times)],"p99":[\#(values)]}"#
            )
        }
        let reply = try ReplyText.reply(series.joined(separator: ","), buckets: 40)
        let rows = rows(reply, width: width, height: height)
        #expect(rows.allSatisfy { TerminalText.width($0) <= width }, "\(rows)")
        #expect(rows.count <= max(height, 18))
        #expect(rows.last?.hasPrefix("the 8 heaviest of 11 lines a") == true)
    }

    @Test("what has another unit has a chart of its own")
    func units() throws {
        let reply = try ReplyText.reply(
            #"{"labels":{},"t":[@0,@1,@2],"p99":[20000,21000,22000],"mean":[15000,16000,17000],"count":[1,2,3]}"#)
        let rows = rows(reply, height: 24)
        #expect(rows.count { $0.contains("└") } == 2)
        #expect(rows.contains { $0.contains("30 s ┤") } && rows.contains { $0.contains("10 s ┤") }, "\(rows)")
        #expect(rows.contains { $0.hasPrefix("A  p99") } && rows.contains { $0.hasPrefix("B  mean") })
        #expect(rows.contains { $0.hasPrefix("━━ count") })
    }

    @Test("a single bucket, nothing, and what is no number")
    func littleToDraw() throws {
        let one = rows(try ReplyText.reply(#"{"labels":{},"t":[@0],"count":[5]}"#, buckets: 1))
        #expect(one.count { $0.contains(where: { ("\u{2801}"..."\u{28FF}").contains($0) }) } == 1, "\(one)")
        #expect(rows(try ReplyText.reply("")).last == "no events")
        let top = rows(try ReplyText.reply(#"{"labels":{},"t":[@0],"top":[[{"item":"/","count":1}]]}"#))
        #expect(top.last?.contains("nothing to draw") == true)
    }

    @Test("axes of values begin at 0 unless that would hide what changes")
    func valueScales() {
        func labels(_ least: Double, _ greatest: Double) -> [Double] {
            ValueScale(from: least, to: greatest, labels: 4).labels
        }
        #expect(labels(10, 480) == [0, 200, 400, 600])
        #expect(labels(20_000, 22_380) == [20_000, 21_000, 22_000, 23_000])
        #expect(labels(5, 5) == [0, 2, 4, 6])
        #expect(labels(0, 0) == [0, 0.5, 1])
        #expect(labels(-3, -1) == [-3, -2, -1, 0])
        #expect(labels(-1, 2) == [-1, 0, 1, 2])
        #expect(AxisUnit("ms", upTo: 480).text(200, step: 200) == "200 ms")
        #expect(AxisUnit("ms", upTo: 25_000).text(12_500, step: 500) == "12.5 s")
        #expect(AxisUnit("bytes", upTo: 3e7).text(1.5e7, step: 5e6) == "15 MB")
        #expect(AxisUnit("", upTo: 20_000).text(15_000, step: 5_000) == "15k")
        #expect(AxisUnit("/s", upTo: 1).text(0.25, step: 0.05) == "0.25/s")
    }

    @Test("axes of time are labelled at whole times of the zone, also where its clock is set back")
    func timeScales() {
        let start = ReplyText.tenOClock
        func labels(_ hours: Double, _ width: Int, _ zone: TerminalZone = .utc) -> [String] {
            TimeScale.labels(fromMs: start, toMs: start + Int64(hours * 3_600_000), width: width, zone: zone).map(
                \.text)
        }
        #expect(labels(1, 40) == ["10:00", "10:15", "10:30", "10:45", "11:00"])
        #expect(labels(1.0 / 60, 45) == ["10:00:00", "10:00:15", "10:00:30", "10:00:45", "10:01:00"])
        #expect(labels(24, 40) == ["12:00", "18:00", "Nov 25", "06:00"])
        #expect(labels(24 * 30, 60).prefix(3) == ["Nov 26", "Dec 3", "Dec 10"])
        #expect(labels(1, 40, TerminalZone { _ in 20_700_000 }) == ["15:45", "16:00", "16:15", "16:30", "16:45"])
        // Two hours until 13:00 UTC, then one: 14:00 comes twice.
        let back = TerminalZone { $0 < start + 3 * 3_600_000 ? 7_200_000 : 3_600_000 }
        let found = TimeScale.labels(fromMs: start, toMs: start + 6 * 3_600_000, width: 60, zone: back)
        #expect(found.map(\.text) == ["12:00", "13:00", "14:00", "15:00", "16:00", "17:00"])
        #expect(found.allSatisfy { back.local($0.ms).clock(seconds: false) == $0.text })
    }
}
