import Analytics
import TestKit
import Testing
import Wire

/// The quick way of reading events must give what the careful way gives: an escape in the first name makes an event take it.
@Suite("Plain events")
struct PlainEventTests {
    private static let names = [
        "service", "endpoint", "status", "duration_ms", "a_name_of_more_than_thirty_two_bytes", "x",
    ]
    private let table: FieldTable

    init() {
        var table = FieldTable()
        for name in Self.names.dropLast() { _ = table.slot(adding: name) }
        self.table = table
    }

    /// What a scanner makes of a line: every field's kind, text and number, or why it refuses.
    private func outcome(_ scanner: inout EventScanner, _ line: [UInt8]) -> [String] {
        var event = EventFields(slots: table.names.count)
        // In the middle of other lines, which must not be looked at.
        let bytes = Array("\",:{\n".utf8) + line + Array("\n\"x\":1}\"".utf8)
        do throws(EventError) {
            try scanner.scan(bytes.span, 5..<5 + line.count, into: &event)
        } catch {
            return ["refused"]
        }
        return table.names.indices.map { slot in
            let text = event.text(slot, in: bytes.span) ?? "-"
            let number = event.number(slot, in: bytes.span).map { "\($0.bitPattern)" } ?? "-"
            return "\(event.values[slot].kind) \(text) \(number)"
        }
    }

    private static func value(_ rng: inout SplitMix64) -> String {
        func digits(_ most: Int) -> String {
            (0..<Int.random(in: 1...most, using: &rng)).map { _ in "\(Int.random(in: 0...9, using: &rng))" }.joined()
        }
        return switch Int.random(in: 0..<8, using: &rng) {
        case 0: digits(20)
        case 1: "-\(digits(3)).\(digits(18))"
        case 2: "\(digits(2)).\(digits(3))"
        case 3:
            ["true", "false", "null", "0", "-0", "0.0", "1e3", "nul", "-", "1.", ".5"].randomElement(using: &rng) ?? "0"
        case 4: "\"\(String(repeating: "é", count: Int.random(in: 0...4, using: &rng)))\""
        default: "\"\(String(repeating: "/ab c", count: Int.random(in: 0...5, using: &rng)))\(digits(9))\""
        }
    }

    /// A line without its first brace: members, some blanks, names in some order and some of them twice.
    private static func members(_ rng: inout SplitMix64) -> [UInt8] {
        let blank = ["", "", "", " ", "\t"]
        var names = Self.names.filter { _ in Bool.random(using: &rng) }
        if names.isEmpty { names = ["x"] }
        if Int.random(in: 0..<4, using: &rng) == 0 { names.shuffle(using: &rng) }
        if Int.random(in: 0..<9, using: &rng) == 0 { names.append(names[0]) }
        let members = names.map { name in
            let around = blank.randomElement(using: &rng) ?? ""
            return "\(around)\"\(name)\":\(around)\(value(&rng))\(around)"
        }
        return Array((members.joined(separator: ",") + "}").utf8)
    }

    @Test("are read as carefully as all others", arguments: Seed.range(60))
    func readsWhatTheCarefulWayReads(seed: Seed) {
        var rng = SplitMix64(seed)
        // One scanner for all lines: what it remembers of one must not show in the next.
        var quick = EventScanner(table: table)
        var careful = EventScanner(table: table)
        for _ in 0..<40 {
            var line = Self.members(&rng)
            if Int.random(in: 0..<3, using: &rng) == 0 {
                line[Int.random(in: line.indices, using: &rng)] = UInt8.random(in: 0...255, using: &rng)
            }
            let found = outcome(&quick, Array("{".utf8) + line)
            let expected = outcome(&careful, Array(#"{"\u0079":1,"#.utf8) + line)
            #expect(found == expected, "\(String(decoding: line, as: UTF8.self))")
        }
    }

    @Test func aCutEventIsRefusedWhereverItIsCut() {
        let line = Array(
            #"{"service":"checkout","status":200,"duration_ms":12.5,"x":true,"endpoint":"/api/v1/pay"}"#.utf8)
        var scanner = EventScanner(table: table)
        #expect(outcome(&scanner, line) != ["refused"])
        for count in line.indices { #expect(outcome(&scanner, Array(line[..<count])) == ["refused"]) }
    }
}
