/// A plain blocking connection to Redis, with which tests look at it from outside.
package final class RedisProbe: Sendable {
    private let socket: TestSocket

    init(_ socket: TestSocket) { self.socket = socket }

    /// Sends one command and waits for the answer; an error reply is a value too.
    ///
    /// - Throws: `TestKitError` if the connection broke or the answer is late.
    @discardableResult
    package func command(_ words: [String], within deadline: Duration = .seconds(10)) async throws -> RESPValue {
        try await offThread { [self] in try exchange(words, within: deadline) }
    }

    /// Sends one command and waits for the answer.
    ///
    /// - Throws: `TestKitError` also if the answer is an error.
    @discardableResult
    package func command(_ words: String...) async throws -> RESPValue {
        let reply = try await command(words)
        if case .error(let text) = reply { throw TestKitError("\(words.first ?? ""): \(text)") }
        return reply
    }

    func exchange(_ words: [String], within deadline: Duration) throws -> RESPValue {
        var request = "*\(words.count)\r\n"
        for word in words { request += "$\(word.utf8.count)\r\n\(word)\r\n" }
        let end = ContinuousClock.now + deadline
        try socket.write(Array(request.utf8), until: end)
        return try readReply(until: end)
    }

    private func readReply(until end: ContinuousClock.Instant) throws -> RESPValue {
        let line = String(decoding: try socket.readLine(until: end), as: UTF8.self)
        let rest = String(line.dropFirst())
        switch line.first {
        case "+": return .text(rest)
        case "-": return .error(rest)
        case ":":
            if let number = Int64(rest) { return .integer(number) }
        case "$":
            if rest == "-1" { return .null }
            if let count = Int(rest) {
                let bytes = try socket.read(count: count + 2, until: end)
                return .text(String(decoding: bytes.dropLast(2), as: UTF8.self))
            }
        case "*":
            if rest == "-1" { return .null }
            if let count = Int(rest) { return .array(try (0..<count).map { _ in try readReply(until: end) }) }
        default: break
        }
        throw TestKitError("not a reply of Redis: \(line)")
    }
}
