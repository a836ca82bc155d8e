import Foundation
import TestKit
import Testing
import Wire

@Suite("JSON text")
struct JSONTextTests {
    private func read(_ json: [UInt8]) throws -> Any {
        try JSONSerialization.jsonObject(with: Data(json), options: .fragmentsAllowed)
    }

    @Test("texts come back", arguments: Seed.range(50))
    func textsComeBack(seed: Seed) throws {
        var rng = SplitMix64(seed)
        let text = String(
            String.UnicodeScalarView(
                (0..<80).compactMap { _ in
                    Unicode.Scalar(UInt32.random(in: 0...(Bool.random(using: &rng) ? 0x80 : 0x10FFFF), using: &rng))
                }))
        var json: [UInt8] = []
        json.appendJSON(text)
        #expect(try (read(json) as? String).map { Array($0.utf8) } == Array(text.utf8))
        #expect(!json.contains { $0 < 0x20 || $0 == 0x7F })
    }

    @Test("numbers come back bit for bit", arguments: Seed.range(20))
    func numbersComeBack(seed: Seed) throws {
        var rng = SplitMix64(seed)
        let grammar = try Regex(#"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?"#)
        for _ in 0..<100 {
            let bits = Double(bitPattern: rng.next())
            for number in [bits, Double(Int.random(in: -99_999...99_999, using: &rng)) / 100] where number.isFinite {
                var json: [UInt8] = []
                json.appendJSON(number)
                #expect(Double(String(decoding: json, as: UTF8.self)) == number)
                #expect(try grammar.wholeMatch(in: String(decoding: json, as: UTF8.self)) != nil)
            }
        }
    }

    @Test(arguments: [
        (0, "0"), (-0.0, "0"), (200, "200"), (-1.5, "-1.5"), (1e15, "1000000000000000"),
        (9_007_199_254_740_991, "9007199254740991"),
        (0.1, "0.1"), (1e300, "1e+300"),
    ])
    func wholeNumbersHaveNoFraction(number: Double, text: String) {
        var json: [UInt8] = []
        json.appendJSON(number)
        #expect(String(decoding: json, as: UTF8.self) == text)
    }

    @Test("decimal numbers are written as the shortest text that reads back the same", arguments: Seed.range(20))
    func shortestText(seed: Seed) {
        var rng = SplitMix64(seed)
        for _ in 0..<2_000 {
            let digits = Double(Int.random(in: -9_999_999...9_999_999, using: &rng))
            let power: Double = [1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e9].randomElement(using: &rng) ?? 1
            let decimal = digits / power
            for number in [decimal, decimal.nextUp, decimal.nextDown, decimal * 1e-5, decimal * 12_345, digits / 7] {
                var json: [UInt8] = []
                json.appendJSON(number)
                let whole = number.description.hasSuffix(".0") ? "\(Int(number))" : number.description
                #expect(String(decoding: json, as: UTF8.self) == whole)
            }
        }
    }

    @Test(arguments: [0, 7, -7, 10, 1_795_428_000_000, .max, .min])
    func integersAreWrittenWhole(number: Int) {
        var json: [UInt8] = []
        json.appendJSON(number)
        #expect(String(decoding: json, as: UTF8.self) == "\(number)")
    }
}
