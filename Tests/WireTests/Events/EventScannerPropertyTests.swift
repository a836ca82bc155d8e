import Analytics
import Foundation
import TestKit
import Testing
import Wire

/// A JSON object at random, as bytes.
private struct RandomJSON {
    var bytes: [UInt8] = []
    /// Names of the fields in it, dotted; each stands once.
    var names: [String] = []

    init(using rng: inout SplitMix64) { object(depth: 1, path: "", &rng) }

    private mutating func blank(_ rng: inout SplitMix64) {
        if Int.random(in: 0..<4, using: &rng) == 0 {
            bytes += ([" ", "\t", "\n", "\r\n"].randomElement(using: &rng) ?? " ").utf8
        }
    }

    private mutating func object(depth: Int, path: String, _ rng: inout SplitMix64) {
        bytes += "{".utf8
        let keys = ["a", "b", "service", "é", "q\"q", "long_name_of_a_field"].filter { _ in
            Int.random(in: 0..<3, using: &rng) > 0
        }
        for (index, key) in keys.enumerated() {
            blank(&rng)
            if index > 0 { bytes += ",".utf8 }
            blank(&rng)
            text(key, &rng)
            blank(&rng)
            bytes += ":".utf8
            blank(&rng)
            names.append(path + key)
            value(depth: depth, path: path + key, &rng)
        }
        blank(&rng)
        bytes += "}".utf8
    }

    private mutating func value(depth: Int, path: String, _ rng: inout SplitMix64) {
        switch Int.random(in: 0..<10, using: &rng) {
        case 0: bytes += "true".utf8
        case 1: bytes += "false".utf8
        case 2: bytes += "null".utf8
        case 3, 4: bytes += "\(Int.random(in: -99_999...99_999, using: &rng))".utf8
        case 5:
            let numbers = ["-0", "0.5", "1e5", "-1.25E-3", "123456789012345678", "2e+02", "0.1"]
            bytes += (numbers.randomElement(using: &rng) ?? "0").utf8
        case 6 where depth < 4: object(depth: depth + 1, path: path + ".", &rng)
        default:
            let texts = ["", "pay", "ünïcödé", "😀", "line\nbreak", "tab\t", "\u{1}", "a/b\\c", "\"quoted\"", "x"]
            text(
                (0..<Int.random(in: 0...3, using: &rng)).compactMap { _ in texts.randomElement(using: &rng) }.joined(),
                &rng)
        }
    }

    /// Writes a text, some of its characters as escapes though they need none.
    private mutating func text(_ text: String, _ rng: inout SplitMix64) {
        bytes += "\"".utf8
        for scalar in text.unicodeScalars {
            if scalar.value < 0x20 || Int.random(in: 0..<6, using: &rng) == 0 {
                for unit in String(scalar).utf16 { bytes += String(format: "\\u%04x", Int(unit)).utf8 }
            } else {
                if scalar == "\"" || scalar == "\\" { bytes += "\\".utf8 }
                bytes += String(scalar).utf8
            }
        }
        bytes += "\"".utf8
    }
}

@Suite("Event scanner and Foundation")
struct EventScannerPropertyTests {
    private func foundation(_ bytes: [UInt8]) -> [String: Any]? {
        // Foundation takes other encodings than UTF-8, and mends what is not UTF-8.
        guard !bytes.contains(0), String(validating: bytes, as: UTF8.self) != nil else { return nil }
        return try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
    }

    private func flatten(_ object: [String: Any], path: String = "", into leaves: inout [String: Any]) {
        for (key, value) in object {
            if let inner = value as? [String: Any] {
                flatten(inner, path: path + key + ".", into: &leaves)
            } else if !(value is NSNull) {
                leaves[path + key] = value
            }
        }
    }

    @Test("every field of an object at random is what Foundation reads", arguments: Seed.range(150))
    func readsTheSameValues(seed: Seed) throws {
        var rng = SplitMix64(seed)
        let json = RandomJSON(using: &rng)
        var table = FieldTable()
        for name in json.names { _ = table.slot(adding: name) }
        var scanner = EventScanner(table: table)
        var event = EventFields(slots: table.names.count)
        try scanner.scan(json.bytes.span, 0..<json.bytes.count, into: &event)
        var leaves: [String: Any] = [:]
        flatten(try #require(foundation(json.bytes)), into: &leaves)
        for (slot, name) in table.names.enumerated() {
            switch leaves[name] {
            case let text as String:
                #expect(event.text(slot, in: json.bytes.span).map { Array($0.utf8) } == Array(text.utf8))
                #expect(event.values[slot].kind == .string)
            case let number as NSNumber where event.values[slot].kind == .bool:
                #expect(event.text(slot, in: json.bytes.span) == (number.boolValue ? "true" : "false"))
            case let number as NSNumber: #expect(event.number(slot, in: json.bytes.span) == number.doubleValue)
            default: #expect(!event.isPresent(slot))
            }
        }
    }

    @Test("takes and refuses damaged objects as Foundation does", arguments: Seed.range(150))
    func agreesOnDamage(seed: Seed) throws {
        let greatExponent = try Regex("[eE][+-]?[0-9]{3}")
        var rng = SplitMix64(seed)
        var scanner = EventScanner(table: FieldTable())
        var event = EventFields(slots: 1)
        let alphabet = Array("{}[]\",:\\/.-+eEtfnu0129 \n\tabé".utf8) + [0x1F, 0x7F, 0xC3, 0xFF]
        for _ in 0..<40 {
            var bytes = RandomJSON(using: &rng).bytes
            for _ in 0..<Int.random(in: 1...3, using: &rng) {
                let place = Int.random(in: bytes.indices, using: &rng)
                switch Int.random(in: 0..<3, using: &rng) {
                case 0: bytes[place] = alphabet.randomElement(using: &rng) ?? 0
                case 1: if bytes.count > 1 { bytes.remove(at: place) }
                default: bytes.insert(alphabet.randomElement(using: &rng) ?? 0, at: place)
                }
            }
            let refusal: String?
            do throws(EventError) {
                try scanner.scan(bytes.span, 0..<bytes.count, into: &event)
                refusal = nil
            } catch {
                refusal = error.description
            }
            // Arrays are refused by design.
            if refusal?.contains("is an array") == true { continue }
            let text = String(decoding: bytes, as: UTF8.self)
            // Numbers that nobody asks for are not computed.
            if text.contains(greatExponent) { continue }
            #expect((refusal == nil) == (foundation(bytes) != nil), "\(text): \(refusal ?? "taken")")
        }
    }

    @Test("random bytes never trap", arguments: Seed.range(50))
    func survivesGarbage(seed: Seed) {
        var rng = SplitMix64(seed)
        var scanner = EventScanner(table: FieldTable())
        var event = EventFields(slots: 1)
        for _ in 0..<200 {
            let noise = (0..<Int.random(in: 0...30, using: &rng)).map { _ in UInt8.random(in: 0...255, using: &rng) }
            let bytes = Array("{\"ts\":".utf8.prefix(.random(in: 0...6, using: &rng))) + noise
            guard (try? scanner.scan(bytes.span, 0..<bytes.count, into: &event)) != nil else { continue }
            #expect(bytes.contains(UInt8(ascii: "}")))
        }
    }
}
