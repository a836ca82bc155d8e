package import Redis
internal import Service

/// Connections that wait for news of a partition, one for each, made when the partition is first asked about.
///
/// Waiting (`XREAD BLOCK`) holds up everything else on a connection. With one for each partition none waits for another,
/// however many there will be.
package final class PartitionClients: Sendable {
    private let make: @Sendable () -> RedisClient
    private let clients = Lock<(isClosed: Bool, byPartition: [Int: RedisClient])>((false, [:]))

    /// `make` makes a client that is not started.
    package init(make: @escaping @Sendable () -> RedisClient) { self.make = make }

    /// Lets all partitions wait on `client`, which is somebody else's: good enough for one.
    package convenience init(sharing client: RedisClient) { self.init { client } }

    /// The partition's client, started.
    package func client(of partition: Int) async -> RedisClient {
        let (client, isNew) = clients.withLock { clients in
            if let client = clients.byPartition[partition] { return (client, false) }
            let client = make()
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
