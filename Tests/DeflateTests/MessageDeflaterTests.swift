import Deflate
import TestKit
import Testing

@Suite("Messages of permessage-deflate") struct MessageDeflaterTests {
    private let inflater = MessageInflater()

    private func bytes(_ hex: String) -> [UInt8] {
        hex.split(separator: " ").map { UInt8($0, radix: 16) ?? 0 }
    }

    @Test func theExamplesOfTheRFC() throws {
        let hello = Array("Hello".utf8)
        #expect(MessageDeflater(windowBits: 15, level: 6).compress(hello) == bytes("f2 48 cd c9 c9 07 00"))
        // 7.2.3.1 one block, 7.2.3.3 not compressed, 7.2.3.4 with BFINAL, 7.2.3.5 two blocks, 7.2.3.6 empty.
        for payload in [
            "f2 48 cd c9 c9 07 00", "00 05 00 fa ff 48 65 6c 6c 6f 00", "f3 48 cd c9 c9 07 00 00",
            "f2 48 05 00 00 00 ff ff ca c9 c9 07 00",
        ] { #expect(try inflater.inflate(bytes(payload), maxBytes: 5) == hello) }
        #expect(try inflater.inflate([0], maxBytes: 0) == [])
        #expect(MessageDeflater(windowBits: 9, level: 6).compress([]) == [0])
    }

    @Test(arguments: MessageDeflater.windowBits) func everyWindowRoundTrips(bits: Int) throws {
        var random = SplitMix64(Seed(value: bits))
        let deflater = MessageDeflater(windowBits: bits, level: 4)
        for size in [1, 2, 100, 511, 512, 5_000, 70_000] {
            let repeating = (0..<size).map { UInt8(truncatingIfNeeded: $0 % 300) }
            let noise = (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }
            for message in [repeating, noise] {
                #expect(try inflater.inflate(deflater.compress(message), maxBytes: size) == message)
            }
        }
    }

    @Test func whatUnpacksTooFarIsStopped() throws {
        let bomb = MessageDeflater(windowBits: 15, level: 9).compress([UInt8](repeating: 0, count: 10_000_000))
        #expect(bomb.count < 11_000)
        #expect(throws: GzipError.tooLarge) { try inflater.inflate(bomb, maxBytes: 65_536) }
        let fits = MessageDeflater(windowBits: 15, level: 9).compress([UInt8](repeating: 0, count: 65_536))
        #expect(try inflater.inflate(fits, maxBytes: 65_536).count == 65_536)
        #expect(throws: GzipError.tooLarge) { try inflater.inflate(fits, maxBytes: 65_535) }
    }

    @Test func whatIsDamagedOrCutIsRefusedAndTheNextIsNotHarmed() throws {
        let message = Array(String(repeating: "a fairly common text; ", count: 9).utf8)
        let payload = MessageDeflater(windowBits: 15, level: 6).compress(message)
        #expect(throws: GzipError.malformed) { try inflater.inflate([0xFF] + payload, maxBytes: 9_999) }
        #expect(throws: GzipError.self) { try inflater.inflate(Array(payload.dropLast(4)), maxBytes: 9_999) }
        #expect(throws: GzipError.truncated) { try inflater.inflate([], maxBytes: 9) }
        #expect(try inflater.inflate(payload, maxBytes: 9_999) == message)
    }
}
