import Deflate
import Testing

@Suite("gzip") struct GzipTests {
    private let text = Array(String(repeating: "the same words again and again, ", count: 200).utf8)

    private func decode(_ pieces: [ArraySlice<UInt8>], maxBytes: Int) throws -> [UInt8] {
        let decoder = GzipDecoder(maxBytes: maxBytes)
        var output: [UInt8] = []
        for piece in pieces { try decoder.decode(Array(piece).span, into: &output) }
        try decoder.finish()
        return output
    }

    @Test(arguments: [1, 6])
    func whatWasCompressedComesBackWhateverTheCut(level: Int) throws {
        let packed = Gzip.compress(text, level: level)
        #expect(packed.count < text.count / 10)
        for cut in stride(from: 0, through: packed.count, by: 3) {
            #expect(try decode([packed[..<cut], packed[cut...]], maxBytes: text.count) == text)
        }
        #expect(try decode(packed.indices.map { packed[$0...$0] }, maxBytes: text.count) == text)
        #expect(try decode([Gzip.compress([], level: level)[...]], maxBytes: 0) == [])
    }

    @Test func aBombStopsAtTheLimit() {
        let packed = Gzip.compress([UInt8](repeating: 0, count: 2_000_000), level: 6)
        let decoder = GzipDecoder(maxBytes: 100_000)
        var output: [UInt8] = []
        #expect(throws: GzipError.tooLarge) { try decoder.decode(packed.span, into: &output) }
        #expect(output.count <= 100_001)
        #expect(throws: GzipError.tooLarge) {
            try decode([Gzip.compress(text, level: 6)[...]], maxBytes: text.count - 1)
        }
    }

    @Test func severalMembersAreOneBody() throws {
        let packed = Gzip.compress(text, level: 6) + Gzip.compress([1, 2, 3], level: 6)
        #expect(try decode([packed[...]], maxBytes: 1_000_000) == text + [1, 2, 3])
    }

    @Test func damageIsFound() {
        var packed = Gzip.compress(text, level: 6)
        #expect(throws: GzipError.truncated) { try decode([packed.dropLast()], maxBytes: 1_000_000) }
        #expect(throws: GzipError.malformed) { try decode([text[...]], maxBytes: 1_000_000) }
        packed[packed.count - 5] ^= 1
        #expect(throws: GzipError.malformed) { try decode([packed[...]], maxBytes: 1_000_000) }
    }
}
