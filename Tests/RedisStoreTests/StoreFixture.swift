import Analytics
import Reactor
import Redis
import RedisStore
import Service
import TestKit
import Wire

/// A Redis of a test's own with our functions, and the stores over it.
struct StoreFixture {
    let server: RedisServer
    let loop: EventLoop
    let client: RedisClient
    let reader: RedisClient

    init(_ options: RedisServer.Options = .init()) async throws {
        server = try await RedisServer.start(options)
        loop = try EventLoop.start(name: "redis-store-test")
        let configuration = RedisConfiguration(url: try RedisURL(server.url()))
        client = RedisClient(configuration, loop: loop)
        reader = RedisClient(configuration, loop: loop)
        await client.start()
        await reader.start()
        _ = try await client.session(timeout: .seconds(5))
        _ = try await RedisScripts(client: client).load()
    }

    func stop() async {
        await client.close()
        await reader.close()
        loop.stop()
    }

    var books: RedisBooksStore { RedisBooksStore(client: client) }
    var refused: RedisRefusedStore { RedisRefusedStore(client: client) }
    var log: RedisEventLog { RedisEventLog(client: client, partitionCount: 1) }

    /// Puts `events` on the log as a front does; all were received at `receivedMs`.
    func append(_ events: Int, receivedMs: Int64, key: String? = nil) async throws -> AppendOutcome? {
        let group = AppendGroup(
            idempotencyKey: key, fingerprint: 1, receivedMs: receivedMs,
            entries: [.init(ndjson: Array("{}\n".utf8), eventCount: events)], answer: [])
        return try await log.append([group]).first
    }

    /// Puts an entry on the log as any client may.
    @discardableResult
    func add(_ fields: String...) async throws -> StreamID {
        var command = RedisCommand("XADD", "weir:{0}:events", "*")
        for field in fields { command.append(field) }
        let id = try await client.send(command).text.flatMap { StreamID($0) }
        guard let id else { throw TestKitError("no id") }
        return id
    }

    /// Applies a batch up to the newest entry, as a worker would, changed by `change`.
    func apply(_ change: (inout AppliedBatch) -> Void) async throws {
        let store = RedisPartitionStore(client: client, readers: PartitionClients(sharing: [reader]))
        let open = try await store.open(partition: 0)
        let newest = try await client.send(RedisCommand("XREVRANGE", "weir:{0}:events", "+", "-", "COUNT", "1"))
        guard let to = newest[0]?[0]?.text.flatMap({ StreamID($0) }) else { throw TestKitError("nothing to apply") }
        var batch = AppliedBatch(
            from: open.state.cursor, to: to, definitionsVersion: 0, newestMs: open.state.nowMs)
        batch.upto = open.upto
        batch.entryCount = 1
        change(&batch)
        guard case .applied = try await store.apply(batch, partition: 0, session: open.session) else {
            throw TestKitError("the batch was not applied")
        }
    }

    /// A record of so many events.
    static func record(_ events: Int) -> [UInt8] {
        var aggregate = Aggregate()
        for _ in 0..<events { aggregate.addEvent() }
        var record = Record()
        record.merge(aggregate, into: .events)
        return RecordCodec.encode(record)
    }
}
