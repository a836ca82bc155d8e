import Analytics
import TestKit
import Testing

@Suite("Reading numbers")
struct ParseNumberTests {
    private func parse(_ text: String) -> Double? {
        let bytes = Array("#\(text)#".utf8)
        return parseNumber(bytes.span, 1..<bytes.count - 1)
    }

    @Test("doubles come back bit for bit", arguments: Seed.range(20))
    func readsWhatSwiftWrites(seed: Seed) {
        var rng = SplitMix64(seed)
        for _ in 0..<500 {
            let number = Double.anyFinite(using: &rng)
            #expect(parse("\(number)")?.bitPattern == number.bitPattern)
            let short = Double(Int.random(in: -99_999_999...99_999_999, using: &rng)) / 1_000
            #expect(parse("\(short)")?.bitPattern == short.bitPattern)
        }
    }

    @Test("digits, points and exponents at random read as the standard library reads them", arguments: Seed.range(40))
    func agreesWithTheStandardLibrary(seed: Seed) throws {
        var rng = SplitMix64(seed)
        let grammar = try Regex(#"-?([0-9]+(\.[0-9]+)?|\.[0-9]+)([eE][+-]?[0-9]+)?"#)
        let alphabet = Array("0123456789012345678901234567890123456789..--+eE")
        for _ in 0..<1_000 {
            let text = String(
                (0..<Int.random(in: 0...22, using: &rng)).map { _ in alphabet.randomElement(using: &rng) ?? "0" })
            let isNumber = try grammar.wholeMatch(in: text) != nil
            let expected = isNumber ? Double(text).flatMap { $0.isFinite ? $0 : nil } : nil
            #expect(parse(text)?.bitPattern == expected?.bitPattern, "\(text)")
        }
    }

    @Test(arguments: [
        "", "-", "+1", ".", "5.", "-.", "1.e5", "1..2", "1e", "1e+", "e5", "--1", "1-", "0x10", "nan", "inf",
        "infinity", "1e400",
        "-1e400", " 1", "1 ", "1,5", "1_000", "١", String(repeating: "1", count: 401),
    ])
    func refusesWhatIsNoFiniteNumber(text: String) { #expect(parse(text) == nil) }

    @Test(arguments: [
        ("007", 7), (".5", 0.5), ("-.5", -0.5), ("1e-400", 0), ("0.1", 0.1), ("123456789012345", 123_456_789_012_345),
        ("0.000000000000001", 1e-15), ("9007199254740993", 9_007_199_254_740_992),
    ])
    func readsUnusualOnes(text: String, number: Double) { #expect(parse(text) == number) }
}
