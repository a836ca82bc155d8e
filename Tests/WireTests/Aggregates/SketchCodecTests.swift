import Analytics
import TestKit
import Testing
import Wire

@Suite("Sketch codec")
struct SketchCodecTests {
    private func decode(_ bytes: [UInt8]) throws -> Sketch {
        var cursor = ByteCursor()
        let sketch = try SketchCodec.decode(bytes.span, &cursor)
        #expect(cursor.offset == bytes.count)
        return sketch
    }

    @Test("sketches of any numbers come back", arguments: Seed.range(100))
    func comesBack(seed: Seed) throws {
        var rng = SplitMix64(seed)
        var sketch = Sketch()
        for _ in 0..<Int.random(in: 0...200, using: &rng) {
            let value = Double(bitPattern: rng.next())
            sketch.insert(
                Bool.random(using: &rng) && value.isFinite ? value : Double(Int.random(in: -9...9, using: &rng)))
        }
        var bytes: [UInt8] = []
        SketchCodec.append(sketch, to: &bytes)
        #expect(try decode(bytes) == sketch)
        for end in bytes.indices {
            var cursor = ByteCursor()
            #expect(throws: DecodingFailure.self) { try SketchCodec.decode(Array(bytes[..<end]).span, &cursor) }
        }
    }

    /// Each would be a number too great to work with.
    static let damaged: [[UInt8]] = [
        [8], [4, 0],
        [4] + Array(repeating: 0xFF, count: 9) + [0x01, 0, 0],  // bins without end
        [4] + Array(repeating: 0xFF, count: 8) + [0x7F, 0, 0],
        [4, 0, 0] + Array(repeating: 0xFF, count: 9) + [0x01, 0],  // an index beyond all
        [4, 0] + [0xFE, 0xFF, 0xFF, 0xFF, 0x0F] + [4],  // the last index and two more
        [4, 0, 0, 1] + Array(repeating: 0xFF, count: 9) + [0x01],  // a count beyond all
        [
            4, 1, 0, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x0F, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
            0x0F,
        ],
        [2, 0, 0x80, 0x89, 0x0F, 0],  // an index that no number has
    ]

    @Test(arguments: damaged)
    func refusesWhatNoValuesMake(bytes: [UInt8]) {
        var cursor = ByteCursor()
        #expect(throws: DecodingFailure.self) { try SketchCodec.decode(bytes.span, &cursor) }
    }

    @Test func isAsDocumented() throws {
        // Zero twice; -1 once, in bucket 0; 1 three times, in bucket 0, and 1.03 once, in bucket 2.
        var sketch = Sketch()
        for value in [0, 0, -1, 1, 1, 1, 1.03] { sketch.insert(value) }
        var bytes: [UInt8] = []
        SketchCodec.append(sketch, to: &bytes)
        #expect(bytes == [7, 2, 0, 0, 0, 1, 0, 1, 1, 1 << 1])
    }
}
