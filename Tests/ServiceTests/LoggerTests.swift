import Foundation
import Service
import Testing

@Suite("Logger") struct LoggerTests {
    private let records = Lock<[LogRecord]>([])
    private let time = TimeSource(wallMs: { 1_795_428_000_123 }, monotonicNs: { 0 })

    private func logger(_ level: LogLevel = .info) -> Logger {
        Logger(process: "serve", level: level, time: time) { [records] record in
            records.withLock { $0.append(record) }
        }
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test func humanLineNamesTimeLevelProcessAndFields() throws {
        logger().info("listening", ["address": "127.0.0.1:8080", "loops": 2, "ratio": 0.5, "tls": false])
        let record = try #require(records.withLock { $0.first })
        #expect(
            text(record.humanLine(coloured: false))
                == "2026-11-23T10:00:00.123Z INFO    serve: listening address=127.0.0.1:8080 loops=2 ratio=0.5 tls=false\n"
        )
        #expect(text(record.humanLine(coloured: true)).contains("\u{1b}[32mINFO\u{1b}[0m"))
    }

    @Test func jsonLineParsesToWhatWasLogged() throws {
        let odd = "a \"b\"\\ \n\r\t\u{1}\u{7f}\u{9b} é 漢"
        logger().with(["site": .string(odd)])
            .warning("odd: \(odd)", ["level": "mine", "n": .int(UInt64.max), "x": .double(.nan), "count": .int(-7)])
        let record = try #require(records.withLock { $0.first })
        let line = record.jsonLine()
        #expect(line.last == UInt8(ascii: "\n"))
        #expect(line.dropLast().allSatisfy { $0 >= 0x20 })
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
        #expect(object["ts"] as? String == "2026-11-23T10:00:00.123Z")
        #expect(object["level"] as? String == "warning")
        #expect(object["process"] as? String == "serve")
        #expect(object["msg"] as? String == "odd: \(odd)")
        #expect(object["site"] as? String == odd)
        #expect(object["level_"] as? String == "mine")
        #expect(object["n"] as? String == "18446744073709551615")
        #expect(object["x"] as? String == "nan")
        #expect(object["count"] as? Int == -7)
    }

    @Test func aClientCannotForgeALineOrReachTheTerminal() throws {
        logger().info("path \n2026 ERROR", ["path": "/a\n\u{1b}[2J\u{9b}2J", "empty": "", "quoted": "a=b"])
        let line = text(try #require(records.withLock { $0.first }).humanLine(coloured: false))
        #expect(line.split(separator: "\n", omittingEmptySubsequences: false).count == 2)
        #expect(line.hasSuffix("path \\n2026 ERROR path=\"/a\\n\\u001b[2J\\u009b2J\" empty=\"\" quoted=\"a=b\"\n"))
    }

    @Test func whatIsBelowTheLevelIsNeverBuilt() {
        func built() -> String {
            Issue.record("a dropped message was built")
            return ""
        }
        logger(.notice).info(built(), ["x": "\(built())"])
        logger(.notice).debug(built())
        #expect(records.withLock { $0.isEmpty })
        logger(.notice).notice("kept")
        logger(.notice).error("kept")
        #expect(records.withLock { $0.map(\.level) } == [.notice, .error])
    }

    @Test(
        "dates are those of the calendar",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"), (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"), (1_735_689_599_999, "2024-12-31T23:59:59.999Z"),
        ])
    func timestamps(ms: Int64, expected: String) throws {
        let records = Lock<[LogRecord]>([])
        Logger(process: "p", time: TimeSource(wallMs: { ms }, monotonicNs: { 0 })) { record in
            records.withLock { $0.append(record) }
        }.info("x")
        let line = text(try #require(records.withLock { $0.first }).humanLine(coloured: false))
        #expect(line.hasPrefix(expected + " "))
    }
}
