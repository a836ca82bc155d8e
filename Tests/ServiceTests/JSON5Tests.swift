import Foundation
import Service
import TestKit
import Testing

@Suite("JSON5") struct JSON5Tests {
    private func parse(_ text: String) throws -> JSON5Value { try JSON5.parse(Array(text.utf8)) }

    @Test func positionsAreRightOnOneLongLine() throws {
        let value = try parse("\n[" + Array(repeating: "\"é\"", count: 1_000).joined(separator: ",") + "]")
        let columns = value.elements?.map(\.position.column)
        #expect(columns == (0..<1_000).map { 2 + $0 * 4 })
        #expect(value.elements?.allSatisfy { $0.position.line == 2 } == true)
    }

    @Test func readsTheExampleOfTheStandard() throws {
        let value = try parse(
            """
            {
              // comments
              unquoted: 'and you can quote me on that',
              singleQuotes: 'I can use "double quotes" here',
              lineBreaks: "Look, Mom! \\
            No \\\\n's!",
              hexadecimal: 0xdecaf,
              leadingDecimalPoint: .8675309, andTrailing: 8675309.,
              positiveSign: +1,
              trailingComma: 'in objects', andIn: ['arrays',],
              "backwardsCompatible": "with JSON",
            }
            """)
        #expect(value["unquoted"]?.string == "and you can quote me on that")
        #expect(value["singleQuotes"]?.string == "I can use \"double quotes\" here")
        #expect(value["lineBreaks"]?.string == "Look, Mom! No \\n's!")
        #expect(value["hexadecimal"]?.integer == 0xdecaf)
        #expect(value["leadingDecimalPoint"]?.number == 0.8675309)
        #expect(value["andTrailing"]?.integer == 8_675_309)
        #expect(value["positiveSign"]?.integer == 1)
        #expect(value["andIn"]?.elements?.map(\.string) == ["arrays"])
        #expect(value.members?.map(\.key).last == "backwardsCompatible")
    }

    @Test(
        "numbers",
        arguments: [
            ("0", 0), ("-0", -0.0), ("+.5", 0.5), ("-.5", -0.5), ("5.", 5), ("-5.e2", -500), ("1e3", 1000),
            ("1E-3", 0.001),
            ("0x10", 16), ("-0Xff", -255), ("Infinity", .infinity), ("-Infinity", -.infinity), ("+Infinity", .infinity),
            ("1.25", 1.25), ("12345678901234567890", 12_345_678_901_234_567_890.0),
        ])
    func numbers(text: String, expected: Double) throws {
        let number = try #require(try parse(text).number)
        #expect(number == expected && number.sign == expected.sign)
    }

    @Test func wholeNumbersKeepAllTheirDigits() throws {
        #expect(try parse("9007199254740993").integer == 9_007_199_254_740_993)
        #expect(try parse("0x7fffffffffffffff").integer == .max)
        #expect(try parse("1.5").integer == nil)
        #expect(try parse("NaN").number?.isNaN == true)
    }

    @Test(
        "strings",
        arguments: [
            (#""\b\f\n\r\t\v\0\'\"\\\/\q""#, "\u{8}\u{c}\n\r\t\u{b}\0'\"\\/q"), (#"'\x41\u00e9\uD83D\uDE00'"#, "Aé😀"),
            ("'a\\\r\nb'", "ab"), ("'é\u{2028}漢'", "é\u{2028}漢"), ("''", ""), (#"'\é'"#, "é"),
        ])
    func strings(text: String, expected: String) throws {
        #expect(try parse(text).string == expected)
    }

    @Test func knowsWhereEverythingStands() throws {
        let value = try parse("\u{feff}// c\r\n{ é: 1, /* 漢\n */ 'b' :\n\t[true,\rnull] }")
        let members = try #require(value.members)
        #expect(value.position == TextPosition(line: 2, column: 1))
        #expect(members[0].keyPosition == TextPosition(line: 2, column: 3))
        #expect(members[0].value.position == TextPosition(line: 2, column: 6))
        #expect(members[1].keyPosition == TextPosition(line: 3, column: 5))
        #expect(members[1].value.position == TextPosition(line: 4, column: 2))
        #expect(members[1].value.elements?[1].position == TextPosition(line: 5, column: 1))
    }

    @Test(
        "errors say where and what was expected",
        arguments: [
            ("", "1:1: expected a value, found the end of the text"),
            ("{a 1}", "1:4: expected ':' after the key 'a', found '1'"),
            ("{\n  a: 1\n  b: 2}", "3:3: expected ',' or '}', found 'b'"),
            ("[1 2]", "1:4: expected ',' or ']', found '2'"),
            ("[,]", "1:2: expected a value, found ','"),
            ("{,}", "1:2: expected a key or '}', found ','"),
            ("{a: 1,, b: 2}", "1:7: expected a key or '}', found ','"),
            ("{a: 1, b: 2, a: 3}", "1:14: the key 'a' stands already at 1:2"),
            ("nul", "1:1: expected a value, found 'nul'"),
            ("truest", "1:1: expected a value, found 'truest'"),
            ("1 2", "1:3: expected the end of the text, found '2'"),
            ("012", "1:1: a number does not begin with 0"),
            ("1.2.3", "1:4: expected the end of the number, found '.'"),
            ("12ab", "1:3: expected the end of the number, found 'ab'"),
            ("-", "1:2: expected a digit, found the end of the text"),
            ("1e", "1:3: expected the digits of an exponent, found the end of the text"),
            ("0x", "1:3: expected hexadecimal digits, found the end of the text"),
            ("'ab\ncd'", "1:4: the string that began at 1:1 does not end on its line"),
            ("['ab", "1:5: the string that began at 1:2 does not end"),
            ("'\\x4'", "1:5: expected 2 hexadecimal digits, found '''"),
            ("'\\1'", "1:3: expected an escape that JSON5 knows after '\\', found '1'"),
            ("'\\ud800x'", "1:2: half of a surrogate pair"),
            ("/* a\n b", "2:3: the comment that began at 1:1 does not end"),
            ("{1a: 2}", "1:2: expected a key or '}', found '1a'"),
            ("\u{1}", "1:1: expected a value, found '\\u{01}'"),
            ("[1, 2", "1:6: expected ',' or ']', found the end of the text"),
        ])
    func errors(text: String, expected: String) {
        let error = #expect(throws: JSON5Error.self) { try parse(text) }
        #expect(error?.description == expected)
    }

    @Test func refusesTextThatIsNotUTF8() {
        let error = #expect(throws: JSON5Error.self) {
            try JSON5.parse(Array("{\n a: '".utf8) + [0xff] + Array("'}".utf8))
        }
        #expect(error?.description == "2:6: the text is not UTF-8")
    }

    @Test func nestingIsBounded() throws {
        let deep = JSON5.maxNesting
        _ = try parse(String(repeating: "[", count: deep) + String(repeating: "]", count: deep))
        let error = #expect(throws: JSON5Error.self) { try parse(String(repeating: "[", count: 1_000_000)) }
        #expect(error?.description == "1:\(deep + 1): nested more than \(deep) deep")
    }

    @Test func aTextCutAnywhereIsAnErrorAndNeverATrap() throws {
        let text = Array("{a: [1.5e3, 'x\\u00e9\\x41', /* c */ true, null], \"b\": {c: -0x1F, d: +Infinity}} // é".utf8)
        _ = try JSON5.parse(text)
        let end = try #require(text.lastIndex(of: UInt8(ascii: "}")))
        for length in 0...end { #expect(throws: JSON5Error.self) { try JSON5.parse(Array(text[..<length])) } }
    }

    @Test("what Foundation reads as JSON is read alike", arguments: (0..<50).map(Seed.init(value:)))
    func agreesWithFoundation(seed: Seed) throws {
        var generator = SplitMix64(seed)
        func make(_ depth: Int) -> Any {
            switch Int.random(in: 0..<(depth > 3 ? 4 : 6), using: &generator) {
            case 0: return NSNull()
            case 1: return Bool.random(using: &generator)
            case 2: return Int.random(in: -1_000_000_000...1_000_000_000, using: &generator)
            case 3:
                let scalars = (0..<Int.random(in: 0..<8, using: &generator)).map { _ in
                    Unicode.Scalar(UInt32.random(in: 0..<0x2500, using: &generator)) ?? "x"
                }
                return String(String.UnicodeScalarView(scalars))
            case 4: return (0..<Int.random(in: 0..<5, using: &generator)).map { _ in make(depth + 1) }
            default:
                return Dictionary(
                    uniqueKeysWithValues: (0..<Int.random(in: 0..<5, using: &generator)).map {
                        ("k\($0)", make(depth + 1))
                    })
            }
        }
        let original = ["root": make(0)]
        for options: JSONSerialization.WritingOptions in [[], [.prettyPrinted]] {
            let text = try JSONSerialization.data(withJSONObject: original, options: options)
            let ours = plain(try JSON5.parse([UInt8](text)))
            #expect((ours as? NSDictionary) == (original as NSDictionary))
        }
    }

    private func plain(_ value: JSON5Value) -> Any {
        switch value.content {
        case .null: NSNull()
        case .bool(let flag): flag
        case .number(let number, _): value.integer.map { Int($0) } ?? number
        case .string(let text): text
        case .array(let elements): elements.map(plain)
        case .object(let members): Dictionary(uniqueKeysWithValues: members.map { ($0.key, plain($0.value)) })
        }
    }
}
