import Analytics
import Foundation
import Service
import WebServer
import Wire

@testable import Front

/// A dashboard: keeps the picture that the messages draw, reads as fast as it is told to.
final class TwinClient: LiveSocket {
    struct Picture: Equatable {
        var isComplete = false
        /// Counts by labels (as JSON text) and time in ms.
        var counts: [String: [Int64: Int]] = [:]
        var values: [String: [Int64: Double]] = [:]
    }

    struct State {
        var pictures: [String: Picture] = [:]
        /// Their members as texts.
        var messages: [[String: String]] = []
        var frames: [[UInt8]] = []
        var writes = 0
        /// Writes that others may have been sent as well, and how many of them were encoded here.
        var shared: [[UInt8]] = []
        var encoded = 0
        var isStalled = false
        var pending = 0
        var closed: WebSocketCloseCode?
        var onDrained: @Sendable () -> Void = {}
        /// Every (picture, labels, time, count) seen, for checks of truth.
        var seen: Set<String> = []
    }

    private let state = Lock(State())

    func send(messages: [SharedMessage]) { state.withLock { Self.take(messages.map(\.frame), &$0) } }

    let form: MessageForm

    init(form: MessageForm = .webSocket(nil)) { self.form = form }

    func encode(_ messages: [SharedMessage]) -> [UInt8] {
        state.withLock { $0.encoded += 1 }
        return Array(messages.map(\.frame).joined())
    }

    func send(encoded bytes: [UInt8], unlessWaiting limit: Int) -> Bool {
        state.withLock { state in
            guard state.pending <= limit else { return false }
            var (rest, frames) = (bytes[...], [[UInt8]]())
            var machine = WebSocketMachine(role: .client, maxMessageBytes: 64 << 20)
            while !rest.isEmpty {
                let count = machine.next(Array(rest).span).consumed
                frames.append(Array(rest.prefix(count)))
                rest.removeFirst(count)
            }
            state.shared.append(bytes)
            Self.take(frames, &state)
            return true
        }
    }

    private static func take(_ frames: [[UInt8]], _ state: inout State) {
        state.writes += 1
        for frame in frames {
            state.frames.append(frame)
            if state.isStalled { state.pending += frame.count }
            take(frame, &state)
        }
    }

    var pendingBytes: Int { state.withLock { $0.pending } }

    func onDrained(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.onDrained = body } }

    func close(_ code: WebSocketCloseCode, _ reason: String) { state.withLock { $0.closed = code } }

    func abort(_ code: WebSocketCloseCode, _ reason: String) { state.withLock { $0.closed = code } }

    func sendHeartbeat() {}

    // MARK: The test's side

    func stall() { state.withLock { $0.isStalled = true } }

    /// Takes all that waits; on the loop.
    func drain() {
        let body = state.withLock { state in
            state.isStalled = false
            state.pending = 0
            return state.onDrained
        }
        body()
    }

    func picture(_ id: String) -> Picture { state.withLock { $0.pictures[id] ?? Picture() } }
    var closed: WebSocketCloseCode? { state.withLock { $0.closed } }
    var frames: [[UInt8]] { state.withLock { $0.frames } }
    var shared: [[UInt8]] { state.withLock { $0.shared } }
    var encoded: Int { state.withLock { $0.encoded } }
    var writes: Int { state.withLock { $0.writes } }
    var seen: Set<String> { state.withLock { $0.seen } }

    func count(_ type: String) -> Int {
        state.withLock { $0.messages.count { $0["type"] == type } }
    }

    func last(_ type: String) -> [String: String]? {
        state.withLock { $0.messages.last { $0["type"] == type } }
    }

    private static func take(_ frame: [UInt8], _ state: inout State) {
        var machine = WebSocketMachine(role: .client, maxMessageBytes: 64 << 20)
        guard case .text(let text) = machine.next(frame.span).event,
            let message = try? JSONSerialization.jsonObject(with: Data(text)) as? [String: Any]
        else { fatalError("a frame is no JSON text") }
        state.messages.append(message.mapValues { "\($0)" })
        guard let type = message["type"] as? String, type == "snapshot" || type == "update",
            let id = message["id"] as? String, let series = message["series"] as? [[String: Any]]
        else { return }
        var picture = type == "snapshot" ? Picture(isComplete: true) : state.pictures[id] ?? Picture()
        for one in series {
            let labels = label(one["labels"] as? [String: String] ?? [:])
            let times = (one["t"] as? [NSNumber] ?? []).map(\.int64Value)
            for (name, values) in one {
                guard let values = values as? [Any], name != "t" else { continue }
                precondition(values.count == times.count, "values and times do not match")
                for (time, value) in zip(times, values) {
                    guard let number = value as? NSNumber else { continue }
                    if name == "count" {
                        picture.counts[labels, default: [:]][time] = number.intValue
                        state.seen.insert("\(id)|\(labels)|\(time)|\(number)")
                    } else {
                        picture.values[labels, default: [:]][time] = number.doubleValue
                    }
                }
            }
        }
        state.pictures[id] = picture
    }

    static func label(_ labels: [String: String]) -> String {
        labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
    }
}
