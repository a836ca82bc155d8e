import Glibc
import Synchronization

/// The lines that a child process has written so far, in order.
package final class LineLog: Sendable {
    private struct State {
        var lines: [String] = []
        var isComplete = false
    }

    private let state = Mutex(State())

    /// All whole lines so far, without their ends.
    package var lines: [String] { state.withLock { $0.lines } }

    /// Whether the other end was closed, so that no line will follow.
    package var isComplete: Bool { state.withLock { $0.isComplete } }

    /// Waits for the first line at or after `start` that satisfies `condition`.
    ///
    /// - Throws: `TestKitError` with the last lines when the deadline has passed or the process closed its output.
    package func line(
        from start: Int = 0, deadline: Duration = .seconds(30), where condition: (String) -> Bool
    ) async throws -> String {
        var next = start
        do {
            return try await eventually("a matching line", deadline: deadline) {
                let (lines, isComplete) = state.withLock { ($0.lines, $0.isComplete) }
                while next < lines.count {
                    if condition(lines[next]) { return lines[next] }
                    next += 1
                }
                if isComplete { throw TestKitError("the output ended without a matching line") }
                return nil
            }
        } catch let error as TestKitError {
            throw TestKitError("\(error); it said:\n\(lines.suffix(20).joined(separator: "\n"))")
        }
    }

    /// Waits for the first line that contains `text`.
    package func line(containing text: String, deadline: Duration = .seconds(30)) async throws -> String {
        try await line(deadline: deadline) { $0.contains(text) }
    }

    /// Collects from `descriptor` on a thread of its own until its other end is closed; closes it.
    func collect(from descriptor: Int32) {
        startThread { [self] in
            var rest: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 16384)
            while true {
                let count = read(descriptor, &chunk, chunk.count)
                if count < 0, errno == EINTR { continue }
                if count <= 0 { break }
                rest += chunk[..<count]
                var parts = rest.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
                rest = Array(parts.removeLast())
                let lines = parts.map { String(decoding: $0, as: UTF8.self) }
                state.withLock { $0.lines += lines }
            }
            close(descriptor)
            let last = rest.isEmpty ? [] : [String(decoding: rest, as: UTF8.self)]
            state.withLock {
                $0.lines += last
                $0.isComplete = true
            }
        }
    }
}
