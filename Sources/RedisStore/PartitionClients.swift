package import Redis
internal import Service

/// Connections that wait for news of a partition, one for each, made when the partition is first asked about.
///
/// Waiting (`XREAD BLOCK`) holds up everything else on a connection. With one for each partition none waits for another,
/// however many there will be.
package final class PartitionClients: Sendable {
    private let make: @Sendable (_ partition: Int) -> RedisClient
    private let clients = Lock<(isClosed: Bool, byPartition: [Int: RedisClient])>((false, [:]))

    /// `make` makes a client that is not started.
    package convenience init(make: @escaping @Sendable () -> RedisClient) { self.init(choose: { _ in make() }) }

    /// Lets partitions wait in turn on `clients`, which are somebody else's; where there are fewer, some share one.
    package convenience init(sharing clients: [RedisClient]) {
        precondition(!clients.isEmpty, "waiting needs a connection")
        self.init(choose: { clients[$0 % clients.count] })
    }

    private init(choose: @escaping @Sendable (Int) -> RedisClient) { make = choose }

    /// The partition's client, started.
    package func client(of partition: Int) async -> RedisClient {
        let (client, isNew) = clients.withLock { clients in
            if let client = clients.byPartition[partition] { return (client, false) }
            let client = make(partition)
            if !clients.isClosed { clients.byPartition[partition] = client }
            return (client, !clients.isClosed)
        }
        if isNew {
            await client.start()
            // The first command is not to fail only because the connection is just being made.
            _ = try? await client.session()
        }
        return client
    }

    /// Closes all; later ones are never started.
    package func close() async {
        let open = clients.withLock { clients in
            defer { clients = (true, [:]) }
            return Array(clients.byPartition.values)
        }
        for client in open { await client.close() }
    }
}
