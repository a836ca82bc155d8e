/// Waits until `condition` holds: the one way in which tests poll.
///
/// Looks at once, then after 1 ms, then ever more rarely up to every 20 ms.
/// - Parameters:
///   - what: the claim, for the report.
///   - deadline: how long it may take before this gives up; what holds costs none of it, and a busy machine may need it.
///   - condition: looked at again and again.
/// - Throws: `TestKitError` when the deadline has passed; whatever `condition` throws, at once.
package func eventually(
    _ what: String = "the condition holds", deadline: Duration = .seconds(30),
    _ condition: () async throws -> Bool
) async throws {
    _ = try await eventually(what, deadline: deadline) { try await condition() ? true : nil }
}

/// Waits until `value` is there and returns it.
///
/// - Throws: `TestKitError` when the deadline has passed; whatever `value` throws, at once.
package func eventually<Value>(
    _ what: String = "the value is there", deadline: Duration = .seconds(30),
    _ value: () async throws -> Value?
) async throws -> Value {
    let clock = ContinuousClock()
    let end = clock.now + deadline
    var pause = Duration.milliseconds(1)
    while true {
        let isLast = clock.now >= end
        if let value = try await value() { return value }
        if isLast { throw TestKitError("not within \(deadline): \(what)") }
        try await clock.sleep(for: pause)
        pause = min(pause * 2, .milliseconds(20))
    }
}
