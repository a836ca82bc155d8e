import Foundation
import Testing

@testable import Producer

/// Parses one line and reads the event back with Foundation's decoder.
func event(of line: [UInt8], times: TimeMap = .asLogged) throws -> (LineOutcome, NSDictionary?) {
    var parser = CombinedLogParser()
    var times = times
    var output: [UInt8] = []
    let outcome = parser.parse(line.span, times: &times, into: &output)
    guard case .event = outcome else {
        #expect(output.isEmpty, "a line without an event must write nothing")
        return (outcome, nil)
    }
    #expect(output.last == UInt8(ascii: "\n") && output.count { $0 == UInt8(ascii: "\n") } == 1)
    return (outcome, try JSONSerialization.jsonObject(with: Data(output)) as? NSDictionary)
}

@Suite("Combined log parser")
struct CombinedLogParserTests {
    static let head = "192.0.2.7 - - [17/May/2015:10:05:03 +0000] "
    static let timeMs: Int64 = 1_431_857_103_000

    static let cases: [(line: String, fields: [String: any Sendable])] = [
        (
            "192.0.2.7 - ann [17/May/2015:10:05:03 +0000] \"GET /a?b=1 HTTP/1.1\" 200 5120 \"https://x.org/\" \"Moz/5.0 (X)\"",
            [
                "ts": timeMs, "remote_addr": "192.0.2.7", "user": "ann", "method": "GET", "path": "/a?b=1",
                "protocol": "HTTP/1.1", "status": 200, "bytes": 5120, "referer": "https://x.org/",
                "user_agent": "Moz/5.0 (X)",
            ]
        ),
        // common format, size and user of `-`
        (
            head + "\"HEAD / HTTP/1.0\" 304 -",
            [
                "ts": timeMs, "remote_addr": "192.0.2.7", "method": "HEAD", "path": "/", "protocol": "HTTP/1.0",
                "status": 304,
            ]
        ),
        // IPv6, zone east of Greenwich, referer of `-`, fields after the agent
        (
            "2001:db8::1 - - [17/May/2015:12:05:03 +0200] \"GET / HTTP/2.0\" 200 1 \"-\" \"a\" \"-\" 0.004",
            [
                "ts": timeMs, "remote_addr": "2001:db8::1", "method": "GET", "path": "/", "protocol": "HTTP/2.0",
                "status": 200, "bytes": 1, "user_agent": "a",
            ]
        ),
        // the agent's quote never closes
        (
            head + "\"GET /f HTTP/1.1\" 200 235 \"-\" \"Mozilla/5.0 (compatible",
            [
                "ts": timeMs, "remote_addr": "192.0.2.7", "method": "GET", "path": "/f", "protocol": "HTTP/1.1",
                "status": 200, "bytes": 235, "user_agent": "Mozilla/5.0 (compatible",
            ]
        ),
        // the request's quote never closes
        (
            head + "\"GET /f HTTP/1.1 200 235 \"-\" \"agent\"",
            [
                "ts": timeMs, "remote_addr": "192.0.2.7", "method": "GET", "path": "/f", "protocol": "HTTP/1.1",
                "status": 200, "bytes": 235, "user_agent": "agent",
            ]
        ),
        (
            head + "\"GET /f HTTP/1.1 404 0",
            [
                "ts": timeMs, "remote_addr": "192.0.2.7", "method": "GET", "path": "/f", "protocol": "HTTP/1.1",
                "status": 404, "bytes": 0,
            ]
        ),
        // requests that are none
        (head + "\"-\" 408 -", ["ts": timeMs, "remote_addr": "192.0.2.7", "status": 408]),
        (head + "\"\" 400 0", ["ts": timeMs, "remote_addr": "192.0.2.7", "status": 400, "bytes": 0]),
        (
            head + #""\x16\x03\x01" 400 226 "-" "-""#,
            ["ts": timeMs, "remote_addr": "192.0.2.7", "request": "\u{16}\u{3}\u{1}", "status": 400, "bytes": 226]
        ),
        (
            head + "\"GET /old\" 200 7",
            ["ts": timeMs, "remote_addr": "192.0.2.7", "method": "GET", "path": "/old", "status": 200, "bytes": 7]
        ),
        // a target with spaces, a target with escapes stays as logged
        (
            head + "\"GET /a b HTTP/1.1\" 200 7",
            [
                "ts": timeMs, "remote_addr": "192.0.2.7", "method": "GET", "path": "/a b", "protocol": "HTTP/1.1",
                "status": 200, "bytes": 7,
            ]
        ),
        (
            head + #""GET /a\"b\xe4 HTTP/1.1" 200 7"#,
            [
                "ts": timeMs, "remote_addr": "192.0.2.7", "method": "GET", "path": #"/a\"b\xe4"#,
                "protocol": "HTTP/1.1", "status": 200, "bytes": 7,
            ]
        ),
        // escapes: quotes and UTF-8 are undone, an old encoding stays as logged
        (
            head + #""GET / HTTP/1.1" 200 7 "http://\xe4\xe5\x22/" "say \"hi\" \xc3\xa4 \t\q""#,
            [
                "ts": timeMs, "remote_addr": "192.0.2.7", "method": "GET", "path": "/", "protocol": "HTTP/1.1",
                "status": 200, "bytes": 7, "referer": #"http://\xe4\xe5"/"#, "user_agent": "say \"hi\" ä \t\\q",
            ]
        ),
        // a user with spaces and brackets, two spaces somewhere
        (
            "host - a [b] c [17/May/2015:10:05:03 +0000]  \"GET / HTTP/1.1\" 200 7",
            [
                "ts": timeMs, "remote_addr": "host", "user": "a [b] c", "method": "GET", "path": "/",
                "protocol": "HTTP/1.1", "status": 200, "bytes": 7,
            ]
        ),
        // the tail is missing, bit by bit
        ("h - - [17/May/2015:10:05:03 +0000]", ["ts": timeMs, "remote_addr": "h"]),
        ("h [17/May/2015:10:05:03 +0000] garbage", ["ts": timeMs, "remote_addr": "h"]),
        (head + "\"GET", ["ts": timeMs, "remote_addr": "192.0.2.7", "request": "GET"]),
        (
            head + "\"GET / HTTP/1.1\" - - \"r\"",
            [
                "ts": timeMs, "remote_addr": "192.0.2.7", "method": "GET", "path": "/", "protocol": "HTTP/1.1",
                "referer": "r",
            ]
        ),
    ]

    @Test("each line gives the fields that are there", arguments: cases.indices)
    func eachLineGivesTheFieldsThatAreThere(index: Int) throws {
        let (line, fields) = Self.cases[index]
        let (outcome, event) = try event(of: Array(line.utf8))
        #expect(outcome == .event(timeMs: Self.timeMs))
        #expect(event == fields as NSDictionary, "\(line)")
    }

    @Test(
        "without an address or a readable time a line is bad",
        arguments: [
            "x", "[17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1", " - [17/May/2015:10:05:03 +0000]",
            "h - - [17/Mai/2015:10:05:03 +0000]", "h - - [30/Feb/2015:10:05:03 +0000]",
            "h - - [17/May/2015:24:05:03 +0000]", "h - - [17/May/2015:10:05:03]", "h - - [17/May/2015:10:05:03 +0000",
            "h - - 17/May/2015:10:05:03 +0000", "h - - [17/May/2015:10:05:03 00000]", "{\"ts\":1}",
        ])
    func withoutAddressOrTimeALineIsBad(line: String) throws {
        let (outcome, _) = try event(of: Array(line.utf8))
        guard case .bad = outcome else {
            Issue.record("\(line) gave \(outcome)")
            return
        }
    }

    @Test("a blank line is neither an event nor a complaint", arguments: ["", " ", "\t "])
    func aBlankLineIsNoComplaint(line: String) throws {
        #expect(try event(of: Array(line.utf8)).0 == .blank)
    }

    @Test("bytes that are not UTF-8 become U+FFFD")
    func invalidUTF8IsReplaced() throws {
        let line = Array(Self.head.utf8) + Array("\"GET /".utf8) + [0xff, 0xe2, 0x82] + Array("\" 200 1".utf8)
        #expect(try event(of: line).1?["path"] as? String == "/\u{FFFD}\u{FFFD}")
    }

    @Test("times are moved, or played from now on")
    func timesAreMapped() throws {
        let line = Array((Self.head + "\"GET / HTTP/1.1\" 200 1").utf8)
        #expect(try event(of: line, times: .shifted(byMs: 500)).1?["ts"] as? Int64 == Self.timeMs + 500)
        let replay = TimeMap.replayed(speed: 60, startMs: 1_000_000, originMs: Self.timeMs - 6_000_000)
        #expect(try event(of: line, times: replay).1?["ts"] as? Int64 == 1_100_000)
    }

    /// Every cut of a good line and every single changed byte: an event that decodes, or a reason.
    @Test("a damaged line never breaks the output", arguments: cases.indices)
    func aDamagedLineNeverBreaksTheOutput(index: Int) throws {
        let line = Array(Self.cases[index].line.utf8)
        for length in 0...line.count { _ = try event(of: Array(line[..<length])) }
        for position in line.indices {
            for byte in [0x00, 0x20, 0x22, 0x5b, 0x5c, 0x80, 0xff] as [UInt8] {
                var damaged = line
                damaged[position] = byte
                _ = try event(of: damaged)
            }
        }
    }

    @Test("every line of a real log counts, and agrees with awk")
    func everyLineOfARealLogCounts() throws {
        guard let data = FileManager.default.contents(atPath: realLogPath) else {
            try Test.cancel("no \(realLogPath)")
        }
        var count = 0
        var statuses: [Int: Int] = [:]
        for line in data.split(separator: UInt8(ascii: "\n")) {
            let (outcome, found) = try event(of: Array(line))
            guard case .event = outcome, let found else {
                Issue.record("\(String(decoding: line, as: UTF8.self)): \(outcome)")
                continue
            }
            count += 1
            let words = line.split(separator: UInt8(ascii: " "))
            #expect(found["path"] as? String == String(decoding: words[6], as: UTF8.self))
            #expect(found["bytes"] as? Int == Int(String(decoding: words[9], as: UTF8.self)))
            statuses[found["status"] as? Int ?? 0, default: 0] += 1
        }
        #expect(count == 10_000)
        #expect(statuses == [200: 9126, 206: 45, 301: 164, 304: 445, 403: 2, 404: 213, 416: 2, 500: 3])
    }
}

/// The real access log that lies beside the package, or beside one of the folders around it; not part of it.
let realLogPath: String = {
    var folder = URL(filePath: #filePath)
    repeat {
        folder.deleteLastPathComponent()
        let path = folder.appending(path: "shared/data/access.log").path
        if FileManager.default.fileExists(atPath: path) { return path }
    } while folder.path != "/"
    return "../shared/data/access.log"
}()
