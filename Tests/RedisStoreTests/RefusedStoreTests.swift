import Analytics
import Redis
import RedisStore
import TestKit
import Testing

@Suite("Refused events in Redis", .tags(.integration), .needs(.redis), .timeLimit(.minutes(1)))
struct RefusedStoreTests {
    private let binary: [UInt8] = [0x61, 0xFF, 0x00]

    /// One that is whole, one with bytes that are no text, and one that is cut.
    private func refuse(_ fixture: StoreFixture) async throws {
        let origin = try await fixture.add("service", "x", "ts", "soon")
        try await fixture.apply { batch in
            batch.refused = [
                .init(
                    id: origin, reason: "ts is wrong", receivedMs: 7,
                    fields: ["service", "x", "ts", "soon"].map { Array($0.utf8) }, isWhole: true),
                .init(
                    id: origin, reason: "no text", receivedMs: 8, fields: [Array("user".utf8), binary],
                    isWhole: true),
                .init(
                    id: origin, reason: "too long", receivedMs: 9, fields: [Array("start".utf8), Array("xxx".utf8)],
                    isWhole: false),
            ]
        }
    }

    private func bytes(_ fixture: StoreFixture) async throws -> Int? {
        try await fixture.client.send(RedisCommand("HGET", "weir:{0}:cursor", "refused_bytes")).integer
    }

    @Test func areListedInPages() async throws {
        let fixture = try await StoreFixture()
        #expect(try await fixture.refused.refused(partition: 0, after: .zero, limit: 10).isEmpty)
        #expect(try await fixture.refused.newestRefused(partition: 0) == .zero)
        try await refuse(fixture)
        let all = try await fixture.refused.refused(partition: 0, after: .zero, limit: 10)
        #expect(all.map(\.reason) == ["ts is wrong", "no text", "too long"])
        #expect(all.map(\.receivedMs) == [7, 8, 9] && all.map(\.isWhole) == [true, true, false])
        #expect(all[1].fields == [Array("user".utf8), binary])
        #expect(try await bytes(fixture) == all.reduce(0) { $0 + $1.byteCount })
        let page = try await fixture.refused.refused(partition: 0, after: all[0].id.position, limit: 1)
        #expect(page == [all[1]])
        #expect(try await fixture.refused.newestRefused(partition: 0) == all[2].id.position)
        await fixture.stop()
    }

    @Test func areRetriedAsTheyWere() async throws {
        let fixture = try await StoreFixture()
        try await refuse(fixture)
        let all = try await fixture.refused.refused(partition: 0, after: .zero, limit: 10).map(\.id.position)
        let gone = StreamID(ms: 1, sequence: 1)
        #expect(
            try await fixture.refused.retry(partition: 0, [all[1], gone, all[2], all[0], all[0]])
                == [.retried, .gone, .cut, .retried, .gone])
        let log = try await fixture.client.send(RedisCommand("XREVRANGE", "weir:{0}:events", "+", "-", "COUNT", "2"))
        #expect(log[1]?[1]?.array?.compactMap(\.bytes) == [Array("user".utf8), binary])
        #expect(log[0]?[1]?.array?.compactMap(\.text) == ["service", "x", "ts", "soon"])
        let left = try await fixture.refused.refused(partition: 0, after: .zero, limit: 10)
        #expect(left.map(\.id.position) == [all[2]])
        #expect(try await bytes(fixture) == left[0].byteCount)
        await fixture.stop()
    }

    @Test func areDropped() async throws {
        let fixture = try await StoreFixture()
        try await refuse(fixture)
        let all = try await fixture.refused.refused(partition: 0, after: .zero, limit: 10).map(\.id.position)
        #expect(try await fixture.refused.drop(partition: 0, [all[0], StreamID(ms: 1, sequence: 1), all[2]]) == 2)
        #expect(try await fixture.refused.refused(partition: 0, after: .zero, limit: 10).map(\.id.position) == [all[1]])
        #expect(try await fixture.refused.drop(partition: 0, all) == 1)
        #expect(try await bytes(fixture) == 0)
        await fixture.stop()
    }

    @Test func tooManyAtOnceIsRefusedBeforeAnythingIsWritten() async throws {
        let fixture = try await StoreFixture()
        let many = (0..<1_001).map { StreamID(ms: UInt64($0), sequence: 0) }
        let retry = await #expect(throws: StoreError.self) { try await fixture.refused.retry(partition: 0, many) }
        let drop = await #expect(throws: StoreError.self) { try await fixture.refused.drop(partition: 0, many) }
        #expect(retry?.code == .rejected && drop?.code == .rejected)
        await fixture.stop()
    }

    @Test func aFullRedisKeepsThemAndLetsThemBeDropped() async throws {
        let fixture = try await StoreFixture()
        try await refuse(fixture)
        let all = try await fixture.refused.refused(partition: 0, after: .zero, limit: 10).map(\.id.position)
        _ = try await fixture.client.send(RedisCommand("CONFIG", "SET", "maxmemory", "1"))
        let error = await #expect(throws: StoreError.self) { try await fixture.refused.retry(partition: 0, all) }
        #expect(error?.code == .full)
        #expect(try await fixture.refused.refused(partition: 0, after: .zero, limit: 10).count == 3)
        #expect(try await fixture.refused.drop(partition: 0, all) == 3)
        await fixture.stop()
    }
}
