import Analytics
import Service
import TestKit
import Testing

@testable import Wire

@Suite("Boards as JSON")
struct BoardJSONTests {
    private func board(_ text: String, name: String? = nil) throws -> Board? {
        var problems: [BoardJSON.Problem] = []
        return BoardJSON.read(try JSON5.parse(Array(text.utf8)), name: name, problems: &problems)
    }

    private func random(_ rng: inout SplitMix64) -> Board {
        func text(_ most: Int) -> String {
            let pool = Array("abz09 \"\\/ü€😀'{}[]:*!").map(String.init)
            return (0..<Int.random(in: 1...most, using: &rng)).map { _ in pool.randomElement(using: &rng) ?? "" }
                .joined()
        }
        func few(_ most: Int) -> Range<Int> { 0..<Int.random(in: 0...most, using: &rng) }
        func names(_ most: Int) -> [String] { Array(Set(few(most).map { _ in text(6) })) }
        return Board(
            name: "b\(Int.random(in: 0...99, using: &rng))-_", title: text(60),
            range: ["10s", "15m", "3660d", nil].randomElement(using: &rng) ?? nil,
            panels: few(8).map { _ in
                Board.Panel(
                    metric: text(20), aggregations: names(5), by: names(3),
                    filters: names(3).sorted().map { ($0, text(30)) }, title: Bool.random(using: &rng) ? text(40) : nil,
                    size: Board.Size.allCases.randomElement(using: &rng) ?? .normal)
            })
    }

    @Test("what is written is read as the same board", arguments: (0..<50).map(Seed.init(value:)))
    func decodesWhatItEncodes(seed: Seed) throws {
        var rng = SplitMix64(seed)
        let wanted = random(&rng)
        let text = String(decoding: BoardJSON.encode(wanted), as: UTF8.self)
        #expect(try board(text) == wanted, "\(text)")
    }

    @Test func filtersHaveAnOrderOfTheirOwn() throws {
        let one = try board(#"{"name":"a","panels":[{"metric":"m","filters":{"b":"1","a":"2"}}]}"#)
        let other = try board(#"{"name":"a","panels":[{"metric":"m","filters":{"a":"2","b":"1"}}]}"#)
        #expect(one == other && one?.panels[0].filters.map(\.label) == ["a", "b"])
    }

    @Test func aNameMayComeFromElsewhere() throws {
        #expect(try board(#"{"panels":[]}"#) == nil)
        #expect(try board(#"{"panels":[]}"#, name: "given") == Board(name: "given", title: "given"))
        #expect(try board(#"{"panels":[],"name":"own"}"#, name: "given")?.name == "own")
    }

    @Test(arguments: [
        ("a", true), ("0", true), ("a-b_c9", true), ("-a", false), ("_a", false), ("A", false), ("a b", false),
        ("", false),
        ("a/b", false), ("ä", false), (String(repeating: "a", count: 64), true),
        (String(repeating: "a", count: 65), false),
    ])
    func namesAreForAddresses(name: String, isName: Bool) { #expect(Board.isName(name) == isName) }

    @Test(arguments: [
        ("10s", true), ("9s", false), ("15m", true), ("3660d", true), ("3661d", false), ("15ms", false),
        ("-15m", false),
        ("now", false), ("", false), ("1w", false), ("999999s", false),
    ])
    func rangesAreWhatThePageCanShow(range: String, isRange: Bool) { #expect(Board.isRange(range) == isRange) }
}
