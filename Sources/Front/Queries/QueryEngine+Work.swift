internal import Analytics
internal import Service

/// Computing what takes long where it holds nobody up.
extension QueryEngine {
    /// Changes `value`: on the thread for computing where that is long, else here.
    ///
    /// - Returns: the changed value.
    func changed<Value: Sendable, Failure: Error>(
        _ value: consuming Value, isLong: Bool, _ body: @Sendable (inout Value) throws(Failure) -> Void
    ) async throws(Failure) -> Value {
        if isLong, let work { return try await work.change(value, body) }
        var value = value
        try body(&value)
        return value
    }

    /// What `body` returns: computed on the thread for that where it is long, else here.
    nonisolated func computed<Success: Sendable>(isLong: Bool, _ body: @Sendable () -> Success) async -> Success {
        if isLong, let work { return await work.run(body) }
        return body()
    }
}
