package import Analytics
package import Postgres
package import Reactor

/// Where the compaction writes history.
package struct PostgresHistoryWriter: HistoryWriting {
    private let configuration: PostgresConfiguration
    private let loop: EventLoop

    package init(_ configuration: PostgresConfiguration, loop: EventLoop) {
        self.configuration = configuration
        self.loop = loop
    }

    package func beginPass() async throws(StoreError) -> (any HistoryPass)? {
        try await mapping {
            // A connection of its own: the lock is the session's, and ends with it whatever happens to this process.
            let connection = try await PostgresConnection.connect(configuration, loop: loop)
            do {
                let isFree = try await connection.query(
                    "SELECT pg_try_advisory_lock($1)", [.int8(AdvisoryLock.compaction.rawValue)], operation: "lock"
                ).bool(0, 0)
                if isFree { return PostgresHistoryPass(connection) }
                await connection.close()
                return nil
            } catch {
                await connection.close()
                throw error
            }
        }
    }
}
