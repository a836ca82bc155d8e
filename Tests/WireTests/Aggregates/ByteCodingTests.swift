import TestKit
import Testing
import Wire

@Suite("Byte coding")
struct ByteCodingTests {
    @Test("numbers come back from as few bytes as they need", arguments: Seed.range(20))
    func comesBack(seed: Seed) throws {
        var rng = SplitMix64(seed)
        let numbers =
            [0, 127, 128, .max, .max - 1, 1 << 63] + (0..<64).map { UInt64.random(in: 0...(.max >> $0), using: &rng) }
        var bytes: [UInt8] = []
        for number in numbers {
            let before = bytes.count
            bytes.appendVarint(number)
            #expect(bytes.count - before == max(1, (64 - number.leadingZeroBitCount + 6) / 7))
            bytes.appendZigzag(Int64(bitPattern: number))
            bytes.appendDouble(Double(bitPattern: number))
        }
        var cursor = ByteCursor()
        for number in numbers {
            #expect(try cursor.varint(bytes.span) == number)
            #expect(try cursor.zigzag(bytes.span) == Int64(bitPattern: number))
            #expect(try cursor.double(bytes.span).bitPattern == number)
        }
        #expect(cursor.offset == bytes.count)
        #expect(throws: DecodingFailure.self) { try cursor.byte(bytes.span) }
    }

    @Test(
        arguments: [
            [], [0x80], Array(repeating: 0x80, count: 10), Array(repeating: 0xFF, count: 9) + [0x02],
            Array(repeating: 0xFF, count: 10) + [0x00],
        ] as [[UInt8]])
    func refusesNumbersThatDoNotEndOrFit(bytes: [UInt8]) {
        var cursor = ByteCursor()
        #expect(throws: DecodingFailure.self) { try cursor.varint(bytes.span) }
    }

    @Test func smallNumbersOfBothSignsAreShort() {
        var bytes: [UInt8] = []
        for number: Int64 in [0, -1, 1, -2, 63, -64] { bytes.appendZigzag(number) }
        #expect(bytes == [0, 1, 2, 3, 126, 127])
    }

    @Test func givesNoMoreBytesThanThereAre() throws {
        let bytes: [UInt8] = [1, 2, 3]
        var cursor = ByteCursor(offset: 1)
        #expect(throws: DecodingFailure.self) { try cursor.bytes(3, of: bytes.span) }
        #expect(throws: DecodingFailure.self) { try cursor.bytes(-1, of: bytes.span) }
        #expect(throws: DecodingFailure.self) { try cursor.double(bytes.span) }
        #expect(try cursor.bytes(2, of: bytes.span) == [2, 3])
        #expect(try cursor.bytes(0, of: bytes.span) == [])
    }
}
