import Service
import TestKit

/// A dashboard that watches the number of all events: its picture, as the messages make it.
final class LiveCount: Sendable {
    private struct State {
        var buckets: [Int64: Int] = [:]
        var snapshots = 0
    }

    private let client: WebSocketClient
    private let state = Lock(State())
    private let receiving = Lock<Task<Void, any Error>?>(nil)

    private init(_ client: WebSocketClient) { self.client = client }

    static func start(port: Int) async throws -> LiveCount {
        let count = LiveCount(try await WebSocketClient.connect(port: port))
        try await count.client.send(
            #"{"type":"subscribe","id":"n","metric":"events","agg":["count"],"window":"15m","step":"10s"}"#)
        count.receiving.withLock { task in
            task = Task {
                while !Task.isCancelled {
                    guard let text = try? await count.client.receive(within: .seconds(60)) else { return }
                    count.take(text)
                }
            }
        }
        return count
    }

    /// Events in all that it shows.
    var total: Int { state.withLock { $0.buckets.values.reduce(0, +) } }

    /// How often the server has begun anew.
    var snapshots: Int { state.withLock { $0.snapshots } }

    func stop() async throws {
        receiving.withLock { $0?.cancel() }
        _ = try? await client.close()
    }

    private func take(_ text: String) {
        guard let message = try? JSON5.parse(Array(text.utf8)), let type = message["type"]?.string,
            type == "snapshot" || type == "update"
        else { return }
        state.withLock { state in
            if type == "snapshot" {
                state.buckets = [:]
                state.snapshots += 1
            }
            for series in message["series"]?.elements ?? [] {
                let times = series["t"]?.elements ?? []
                for (time, count) in zip(times, series["count"]?.elements ?? []) {
                    state.buckets[time.integer ?? 0] = Int(count.number ?? 0)
                }
            }
        }
    }
}
