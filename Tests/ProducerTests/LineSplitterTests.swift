import TestKit
import Testing

@testable import Producer

@Suite("Line splitter")
struct LineSplitterTests {
    /// A line as text, nil where it was too long.
    typealias Lines = [String?]

    static func split(_ pieces: [[UInt8]], max: Int) -> (lines: Lines, offsets: [Int]) {
        var splitter = LineSplitter(maxLineBytes: max)
        var found: Lines = []
        for piece in pieces {
            _ = splitter.feed(piece.span) { span, line, _ in
                found.append(text(span, line))
                return true
            }
        }
        _ = splitter.finish { span, line, _ in
            found.append(text(span, line))
            return true
        }
        return (found, [splitter.offset])
    }

    private static func text(_ span: borrowing Span<UInt8>, _ piece: LineSplitter.Piece) -> String? {
        guard case .line(let range) = piece else { return nil }
        var bytes: [UInt8] = []
        for index in range { bytes.append(span[index]) }
        return String(decoding: bytes, as: UTF8.self)
    }

    static let text = "one\r\n\nthree, far too long\nfour \rx\r\r\n0123456789\r\n0123456789a\nlast"
    static let lines: Lines = ["one", "", nil, "four \rx\r", "0123456789", nil, "last"]

    @Test("the same lines, wherever the stream is cut in two", arguments: 0...text.utf8.count)
    func cutInTwo(at cut: Int) {
        let bytes = Array(Self.text.utf8)
        let (lines, offsets) = Self.split([Array(bytes[..<cut]), Array(bytes[cut...])], max: 10)
        #expect(lines == Self.lines)
        #expect(offsets == [bytes.count])
    }

    @Test("the same lines, byte by byte")
    func byteByByte() { #expect(Self.split(Self.text.utf8.map { [$0] }, max: 10).lines == Self.lines) }

    @Test("random cuts equal the naive split", arguments: Seed.range(100))
    func randomCuts(seed: Seed) {
        var rng = SplitMix64(seed)
        let max = Int.random(in: 1...40, using: &rng)
        let bytes = (0..<Int.random(in: 0...400, using: &rng)).map { _ in
            "ab\n\n\r".utf8.randomElement(using: &rng) ?? 0
        }
        var pieces: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...60, using: &rng))
            pieces.append(Array(piece))
            rest = rest.dropFirst(piece.count)
        }
        var expected: Lines = bytes.split(separator: 10, omittingEmptySubsequences: false).map { line in
            let line = line.last == 13 ? line.dropLast() : line
            return line.count > max ? nil : String(decoding: line, as: UTF8.self)
        }
        if bytes.isEmpty || bytes.last == 10 { expected.removeLast() }
        #expect(Self.split(pieces, max: max).lines == expected)
    }

    @Test("an endless line takes no memory and is one line")
    func endlessLine() {
        let piece = [UInt8](repeating: 120, count: 1 << 16)
        let (lines, offsets) = Self.split(Array(repeating: piece, count: 64) + [Array("\nend".utf8)], max: 100)
        #expect(lines == [nil, "end"])
        #expect(offsets == [64 * 65536 + 4])
    }
}
