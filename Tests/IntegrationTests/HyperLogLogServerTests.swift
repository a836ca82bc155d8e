import Analytics
import Redis
import TestKit
import Testing
import Wire

@Suite("HyperLogLog and Redis", .tags(.integration), .needs(.redis), .timeLimit(.minutes(1)))
struct HyperLogLogServerTests {
    @Test("PFADD makes the registers that we make, and PFCOUNT counts as we do")
    func agreesWithTheServer() async throws {
        let server = try await RedisServer.start()
        let fixture = try await RedisFixture.start(url: server.url())
        for seed in Seed.range(40) {
            var rng = SplitMix64(seed)
            let count = [0, 1, 2, 17, 200, 900, 1_500, 4_000, 30_000].randomElement(using: &rng) ?? 1
            let values = (0..<count).map { _ in
                (0..<Int.random(in: 0...20, using: &rng)).map { _ in UInt8.random(in: 0...255, using: &rng) }
            }
            var registers = HyperLogLog()
            for value in values { registers.insert(value.span) }
            var rest = values[...]
            repeat {
                var command = RedisCommand("PFADD", "theirs:\(seed.value)")
                for value in rest.prefix(1_000) { command.append(value) }
                rest = rest.dropFirst(1_000)
                _ = try await fixture.client.send(command)
            } while !rest.isEmpty
            let stored = try await fixture.client.send(RedisCommand("GET", "theirs:\(seed.value)"))
            let bytes = try #require(stored.bytes)
            #expect(try HyperLogLogCodec.decode(bytes.span, 0..<bytes.count) == registers, "\(seed) with \(count)")
            var set = RedisCommand("SET", "ours:\(seed.value)")
            set.append(HyperLogLogCodec.encode(registers))
            let replies = try await fixture.client.pipeline([
                set, RedisCommand("PFCOUNT", "theirs:\(seed.value)"), RedisCommand("PFCOUNT", "ours:\(seed.value)"),
                RedisCommand("PFMERGE", "both:\(seed.value)", "theirs:\(seed.value)", "ours:\(seed.value)"),
                RedisCommand("PFCOUNT", "both:\(seed.value)"),
            ])
            #expect(replies[1].integer == registers.count, "\(seed) with \(count)")
            #expect(replies[2].integer == registers.count)
            #expect(replies[4].integer == registers.count)
        }
        await fixture.stop()
    }
}
