import Foundation
import Service
import TestKit

@testable import Producer

/// A sink that remembers what it was sent as the real server does, key by key, and fails when a test wants it to.
final class FakeServer: EventSink {
    enum Reply {
        case answer
        /// The batch is counted, but the answer is lost on the way.
        case lostAnswer
        case error(SinkError)
    }

    struct State {
        var attempts = 0
        var batches: [String: EventBatch] = [:]
        var keysInOrder: [String] = []
    }

    private let state = Lock(State())
    private let reply: @Sendable (_ attempt: Int, _ batch: EventBatch) -> Reply
    private let refuse: @Sendable (String) -> String?
    private let arrived: @Sendable ([String]) -> Void

    init(
        reply: @escaping @Sendable (Int, EventBatch) -> Reply = { _, _ in .answer },
        refuse: @escaping @Sendable (String) -> String? = { _ in nil },
        arrived: @escaping @Sendable ([String]) -> Void = { _ in }
    ) {
        self.reply = reply
        self.refuse = refuse
        self.arrived = arrived
    }

    var attempts: Int { state.withLock { $0.attempts } }

    var batches: [EventBatch] { state.withLock { state in state.keysInOrder.compactMap { state.batches[$0] } } }

    /// All lines that were counted.
    var lines: [String] { batches.flatMap { Self.lines($0.body) } }

    func send(_ batch: EventBatch) async throws(SinkError) -> IngestAnswer {
        let attempt = state.withLock { state in
            state.attempts += 1
            return state.attempts
        }
        if Task.isCancelled { throw .unavailable(detail: "cancelled", retryAfter: nil) }
        let reply = reply(attempt, batch)
        if case .error(let error) = reply { throw error }
        let known = state.withLock { state -> EventBatch? in
            if let known = state.batches[batch.key] { return known }
            state.batches[batch.key] = batch
            state.keysInOrder.append(batch.key)
            return nil
        }
        let lines = Self.lines(batch.body)
        if known == nil { arrived(lines) }
        guard known == nil || known == batch else {
            throw .refused(status: 422, detail: "another body under this key", lines: [])
        }
        if case .lostAnswer = reply { throw .unavailable(detail: "connection reset", retryAfter: nil) }
        let errors = lines.enumerated().compactMap { index, line in
            refuse(line).map { RejectedLine(line: index + 1, reason: $0) }
        }
        return IngestAnswer(
            accepted: batch.count - errors.count, rejected: errors.count, errors: Array(errors.prefix(20)),
            duplicate: known != nil)
    }

    private static func lines(_ body: [UInt8]) -> [String] {
        body.split(separator: 10).map { String(decoding: $0, as: UTF8.self) }
    }
}

/// Time that passes only while somebody sleeps, and then at once.
final class LeapingTime: Sendable {
    private let now = Lock<UInt64>(0)
    static let startMs: Int64 = 1_795_428_000_000

    var source: TimeSource {
        TimeSource(
            wallMs: { [now] in Self.startMs + Int64(now.withLock { $0 } / 1_000_000) },
            monotonicNs: { [now] in now.withLock { $0 } })
    }

    var pause: Pause {
        { [now] duration in
            try Task.checkCancellation()
            let wakeNs = now.withLock { $0 } + UInt64(duration / .nanoseconds(1))
            await Task.yield()
            now.withLock { $0 = max($0, wakeNs) }  // two who sleep at the same time sleep only once
        }
    }
}

/// Sleeps for real; for tests that wait for real files and pipes.
let realPause: Pause = { try await Task.sleep(for: $0) }

/// Notices in the order in which they came.
final class NoticeLog: Sendable {
    private let notices = Lock<[SendNotice]>([])

    var all: [SendNotice] { notices.withLock { $0 } }

    var add: @Sendable (SendNotice) -> Void { { [notices] notice in notices.withLock { $0.append(notice) } } }
}
