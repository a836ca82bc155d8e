import Analytics
import Testing

@testable import Compactor

@Suite("Rows of an export")
struct ExportTextTests {
    private func labels(_ pairs: [(String, String)]) -> LabelSet {
        LabelSet(pairs.map { .init(name: $0.0, value: $0.1) })
    }

    private func text(
        _ format: ExportRequest.Format, _ labels: [String], _ aggregations: [Aggregation]
    ) -> ExportText {
        ExportText(format, labels: labels, aggregations: aggregations, resolution: .minute)
    }

    private func row(_ text: ExportText, _ labels: LabelSet, _ aggregate: Aggregate) -> String {
        var bytes: [UInt8] = []
        text.append(labels, bucketMs: tenOClock, aggregate, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("CSV has a head, quotes what must be quoted, and leaves empty what is absent")
    func csv() {
        let text = text(.csv, ["count", "path", "x\"y"], [.count, .rate, .sum, .max])
        #expect(
            String(decoding: text.head, as: UTF8.self) == "time,label.count,path,\"x\"\"y\",count,rate,sum,max\r\n")
        var aggregate = Aggregate()
        aggregate.addToSum(1.5)
        aggregate.addToSum(2)
        #expect(
            row(text, labels([("path", "/a,\"b\"\n"), ("count", "7")]), aggregate)
                == "2026-11-23T10:00:00Z,7,\"/a,\"\"b\"\"\n\",,2,0.058333333333333334,3.5,\r\n")
    }

    @Test("NDJSON has an object a line, with labels apart from values")
    func ndjson() {
        let text = text(.ndjson, ["path"], [.count, .max])
        #expect(text.head.isEmpty)
        var aggregate = Aggregate()
        aggregate.addEvent()
        #expect(
            row(text, labels([("path", "/a\n\"")]), aggregate)
                == #"{"time":"2026-11-23T10:00:00Z","labels":{"path":"/a\n\""},"count":1,"max":null}"# + "\n")
        #expect(row(text, .none, aggregate).contains(#""labels":{},"#))
    }

    @Test("items are listed as the API lists them, ten at most")
    func items() {
        var aggregate = Aggregate()
        aggregate.addEvent()
        var items = TopItems()
        for number in 0..<12 { items.add(Array("/p\(number)".utf8), count: 20 - number) }
        aggregate.items = items
        let csv = row(text(.csv, [], [.top]), .none, aggregate)
        #expect(csv.hasPrefix("2026-11-23T10:00:00Z,/p0=20 /p1=19 ") && csv.hasSuffix("/p9=11\r\n"))
        let json = row(text(.ndjson, [], [.top]), .none, aggregate)
        #expect(
            json.contains(#""top":[{"item":"/p0","count":20},"#)
                && json.hasSuffix("{\"item\":\"/p9\",\"count\":11}]}\n"))
    }

    @Test("reads grow where buckets are few, and shrink where they hold more than thought")
    func windows() {
        var window = ExportWindow(series: 100, rows: 10_000)
        #expect(window.buckets == 100)
        for expected in [200, 400, 800, 800] {
            window.read(rows: 10)
            #expect(window.buckets == expected)
        }
        window.read(rows: 5_000)
        #expect(window.buckets == 800)
        for expected in [400, 200] {
            window.read(rows: 10_001)
            #expect(window.buckets == expected)
        }
        #expect(ExportWindow(series: 0, rows: 10).buckets == 10)
        var narrow = ExportWindow(series: 1_000_000, rows: 10)
        narrow.read(rows: 0)
        #expect(narrow.buckets == 1)
        narrow.read(rows: 30)
        #expect(narrow.buckets == 1)
    }
}
