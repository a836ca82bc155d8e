import Analytics
import TestKit
import Testing
import Wire

@Suite("Event scanner")
struct EventScannerTests {
    private let names = ["service", "status", "ok", "http.status", "a.b.c", "é", "tab\tname"]

    private func scan(_ line: [UInt8]) throws -> [String: String] {
        var table = FieldTable()
        let slots = names.map { ($0, table.slot(adding: $0)) }
        var scanner = EventScanner(table: table)
        var event = EventFields(slots: table.names.count)
        // In the middle of other lines, which must not be looked at.
        let bytes = Array("{\"service\":\"before\"}\n".utf8) + line + Array("\n\"}]".utf8)
        let start = bytes.count - line.count - 4
        try scanner.scan(bytes.span, start..<start + line.count, into: &event)
        return slots.reduce(into: [:]) { $0[$1.0] = event.text($1.1, in: bytes.span) }
    }

    private func scan(_ line: String) throws -> [String: String] { try scan(Array(line.utf8)) }

    @Test(
        arguments: [
            (#"{}"#, [:]), (#" { } "#, [:]), (#"{"service":"pay"}"#, ["service": "pay"]),
            (#"{"service":""}"#, ["service": ""]),
            (#"{"status":200.0,"ok":true}"#, ["status": "200", "ok": "true"]),
            (#"{"ok":false,"x":null}"#, ["ok": "false"]),
            (#"{"service":null}"#, [:]), (#"{"service":null,"service":"a"}"#, ["service": "a"]),
            ("\t{ \"service\" :\n\"a\" ,\r\"status\" : -1.5e1 }\r", ["service": "a", "status": "-15"]),
            (#"{"http":{"status":404}}"#, ["http.status": "404"]), (#"{"http.status":404}"#, ["http.status": "404"]),
            (#"{"a":{"x":1,"b":{"c":"deep","d":2}},"service":"s"}"#, ["a.b.c": "deep", "service": "s"]),
            (#"{"a":{"b.c":"deep"}}"#, ["a.b.c": "deep"]), (#"{"a.b":{"c":"deep"}}"#, ["a.b.c": "deep"]),
            (#"{"a":{},"b":{"service":"other"}}"#, [:]), (#"{"\u0061":{"b":{"\u0063":"x"}}}"#, ["a.b.c": "x"]),
            (#"{"x":{"y":1},"x":{"y":2}}"#, [:]), (#"{"é":"ü"}"#, ["é": "ü"]),
            (#"{"tab\tname":1}"#, ["tab\tname": "1"]),
            (#"{"serv\u0069ce":"a\"b\\c\/d\b\f\n\r\t"}"#, ["service": "a\"b\\c/d\u{8}\u{C}\n\r\t"]),
            (#"{"service":"\u00e9\u20AC\ud83d\uDE00!"}"#, ["service": "é€😀!"]),
            (#"{"service":"a\u0000b"}"#, ["service": "a\0b"]),
            (#"{"service":"{\"status\":1}"}"#, ["service": #"{"status":1}"#]), (#"{"other":1e999}"#, [:]),
        ] as [(String, [String: String])])
    func reads(line: String, fields: [String: String]) throws { #expect(try scan(line) == fields) }

    @Test(
        "says what is wrong, and where",
        arguments: [
            ("", "expected a JSON object, found the end of the line"),
            ("  [1]", "expected a JSON object, found \"[\" at byte 3"),
            ("service=pay", "expected a JSON object, found \"s\" at byte 1"),
            ("{", "expected a field's name in quotes, found the end of the line"),
            ("{service:1}", "expected a field's name in quotes, found \"s\" at byte 2"),
            (#"{"a":1,}"#, "expected a field's name in quotes, found \"}\" at byte 8"),
            (#"{"a" 1}"#, "expected \":\" after a field's name, found \"1\" at byte 6"),
            (#"{"a":}"#, "expected a value, found \"}\" at byte 6"),
            (#"{"a":"#, "the line ends where a value should stand"),
            (#"{"a":tru}"#, "expected a value, found \"t\" at byte 6; texts stand in quotes"),
            (#"{"a":nil}"#, "expected a value, found \"n\" at byte 6; texts stand in quotes"),
            (#"{"a":1 "b":2}"#, "expected \",\" or \"}\" after a field, found \"\"\" at byte 8"),
            (#"{"a":1"#, "expected \",\" or \"}\" after a field, found the end of the line"),
            (#"{"a":1}{"#, "unexpected \"{\" at byte 8 after the object"),
            ("{\"a\":1}\u{0}", "unexpected the byte 0 at byte 8 after the object"),
            (#"{"a":[1]}"#, "the field \"a\" is an array; fields are strings, numbers or booleans"),
            (#"{"a":{"b":[1]}}"#, "the field \"a.b\" is an array; fields are strings, numbers or booleans"),
            (#"{"\u0061":[]}"#, "the field \"a\" is an array; fields are strings, numbers or booleans"),
            (#"{"status":1e999}"#, "the field \"status\" is a number out of range"),
            (#"{"service":"a","service":"b"}"#, "the field \"service\" appears twice"),
            (#"{"http.status":1,"http":{"status":2}}"#, "the field \"http.status\" appears twice"),
            (#"{"a":"b"#, "a text is not closed: \" is missing"), (#"{"a":"b\"#, "a text is not closed: \" is missing"),
            (#"{"a":"b\""#, "a text is not closed: \" is missing"),
            ("{\"a\":\"b\nc\"}", "a control character in a text; write it as \\u00XX"),
            ("{\"a\":\"\\n\nc\"}", "a control character in a text; write it as \\u00XX"),
            (#"{"a":"\x"}"#, "unknown escape \\x in a text"), (#"{"a":"\u12g4"}"#, "\\u needs four hexadecimal digits"),
            (#"{"a":"\u12"#, "\\u needs four hexadecimal digits"),
            (#"{"a":"\ud800"}"#, "half of a surrogate pair in a text"),
            (#"{"a":"\ud800\u0041"}"#, "half of a surrogate pair in a text"),
            (#"{"a":"\ude00"}"#, "half of a surrogate pair in a text"),
            (#"{"a":"\ud800\n"}"#, "half of a surrogate pair in a text"),
            (#"{"a":01}"#, "malformed number"), (#"{"a":-}"#, "malformed number"), (#"{"a":1.}"#, "malformed number"),
            (#"{"a":1e}"#, "malformed number"), (#"{"a":1e+}"#, "malformed number"),
            (#"{"a":-.5}"#, "malformed number"),
            (#"{"a":+1}"#, "expected a value, found \"+\" at byte 6"),
            (#"{"a":.5}"#, "expected a value, found \".\" at byte 6"),
            (#"{"a":0x1}"#, "expected \",\" or \"}\" after a field, found \"x\" at byte 7"),
            (#"{"a":NaN}"#, "expected a value, found \"N\" at byte 6"),
        ])
    func explains(line: String, detail: String) {
        let error = #expect(throws: EventError.self) { try scan(line) }
        #expect(error?.description == detail)
    }

    @Test func takesSixteenLevelsAndNoMore() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: #"{"a":"#, count: depth - 1) + "{}" + String(repeating: "}", count: depth - 1)
        }
        #expect(try scan(nested(16)) == [:])
        for depth in [17, 100_000] {
            let error = #expect(throws: EventError.self) { try scan(nested(depth)) }
            #expect(error?.description == "objects nested more than 16 deep")
        }
    }

    @Test("checks UTF-8 as the standard library does", arguments: Seed.range(40))
    func validatesUTF8(seed: Seed) {
        var rng = SplitMix64(seed)
        let starts: [UInt8] = [
            0x7F, 0x80, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xED, 0xEE, 0xEF, 0xF0, 0xF3, 0xF4, 0xF5, 0xFF,
        ]
        let others: [UInt8] = [0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0]
        for _ in 0..<300 {
            let text = (0..<Int.random(in: 1...6, using: &rng)).map { place in
                (Bool.random(using: &rng) && place > 0 ? others : starts + others).randomElement(using: &rng) ?? 0
            }
            let isValid = String(validating: text, as: UTF8.self) != nil
            for prefix in ["", "\\n"] {
                let line = Array("{\"service\":\"\(prefix)".utf8) + text + Array("\"}".utf8)
                #expect(((try? scan(line)) != nil) == isValid, "\(text)")
            }
            var validator = UTF8Validator()
            #expect((validator.take(text[...]) && validator.isComplete) == isValid, "\(text)")
        }
    }
}
