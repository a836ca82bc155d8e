import Analytics
import TestKit
import Testing
import Wire

@Suite("Codecs of sets")
struct SetCodecTests {
    private func registers(_ count: Int, using rng: inout SplitMix64) -> HyperLogLog {
        var registers = HyperLogLog()
        for _ in 0..<count { registers.insert(Array("\(rng.next())".utf8).span) }
        return registers
    }

    @Test("registers come back, sparse and dense", arguments: [0, 1, 5, 300, 900, 1_100, 5_000, 100_000])
    func registersComeBack(count: Int) throws {
        var rng = SplitMix64(Seed(value: UInt64(count)))
        let registers = registers(count, using: &rng)
        let bytes = HyperLogLogCodec.encode(registers)
        #expect(try HyperLogLogCodec.decode(bytes.span, 0..<bytes.count) == registers)
        // As Redis decides: past 3,000 bytes, dense.
        if count <= 900 { #expect(bytes[4] == 1) }
        if count >= 5_000 { #expect(bytes[4] == 0) }
        #expect(bytes.count <= 12_304)
    }

    @Test func anEmptyOneIsWhatPFADDWithoutValuesMakes() {
        #expect(
            HyperLogLogCodec.encode(HyperLogLog())
                == Array("HYLL".utf8) + [1, 0, 0, 0] + [0, 0, 0, 0, 0, 0, 0, 0x80] + [0x7F, 0xFF])
    }

    @Test("damaged bytes are refused or make registers, and never a trap", arguments: Seed.range(60))
    func survivesDamage(seed: Seed) {
        var rng = SplitMix64(seed)
        let bytes = HyperLogLogCodec.encode(registers([3, 200, 4_000].randomElement(using: &rng) ?? 3, using: &rng))
        for _ in 0..<100 {
            let damaged = bytes.damaged(using: &rng)
            _ = try? HyperLogLogCodec.decode(damaged.span, 0..<damaged.count)
        }
        let short = Array(bytes.dropLast())
        #expect(throws: DecodingFailure.self) { try HyperLogLogCodec.decode(short.span, 0..<short.count) }
    }

    @Test("items come back", arguments: Seed.range(40))
    func itemsComeBack(seed: Seed) throws {
        var rng = SplitMix64(seed)
        var items = TopItems()
        for _ in 0..<Int.random(in: 0...50, using: &rng) {
            let item = (0..<Int.random(in: 0...5, using: &rng)).map { _ in UInt8.random(in: 0...255, using: &rng) }
            items.add(item, count: Int.random(in: 1...1 << 40, using: &rng))
        }
        items.trim(keep: 20)
        var bytes: [UInt8] = []
        TopItemsCodec.append(items, to: &bytes)
        var cursor = ByteCursor()
        #expect(try TopItemsCodec.decode(bytes.span, &cursor) == items)
        #expect(cursor.offset == bytes.count)
        for _ in 0..<50 {
            let damaged = bytes.damaged(using: &rng)
            var cursor = ByteCursor()
            _ = try? TopItemsCodec.decode(damaged.span, &cursor)
        }
    }
}
