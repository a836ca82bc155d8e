package import Analytics
package import Redis

/// What a reply should have been, for the error that says so.
func malformed(_ operation: StaticString, _ what: String) -> StoreError {
    StoreError(.incompatible, store: "redis", operation: operation.description, detail: "unexpected reply: \(what)")
}

extension StoreError {
    /// What an error of the client means for the processes.
    package init(_ error: RedisError) {
        let code: Code =
            switch error.code {
            case .timedOut: .timedOut
            case .disconnected, .overloaded, .cancelled: .unavailable
            case .malformedReply: .incompatible
            case .badConfiguration: .rejected
            case .rejected:
                switch error.kind {
                case "OOM": .full
                case "LOADING", "BUSY", "MASTERDOWN", "READONLY", "CLUSTERDOWN", "MISCONF", "TRYAGAIN": .unavailable
                default: .rejected
                }
            }
        var detail = error.detail
        if detail.contains("Function not found") { detail += "; load them with: weir scripts load" }
        self.init(
            code, store: "redis", operation: error.operation.description, detail: detail, mayHaveRun: error.mayHaveRun)
    }
}

/// Runs `body`, giving its error the form that the processes know.
func mapping<Value>(_ body: () async throws(RedisError) -> Value) async throws(StoreError) -> Value {
    do {
        return try await body()
    } catch {
        throw StoreError(error)
    }
}

extension RedisValue {
    /// A whole number that came as text, as our Functions send those that may be large.
    var number: Int64? { integer.map(Int64.init) }

    var streamID: StreamID? { bytes.flatMap { StreamID($0.span) } }
}

extension PartitionState {
    /// Reads what `weir_state` returns.
    init?(_ reply: RedisValue?) {
        guard let values = reply?.array, values.count >= 6, let cursor = values[0].streamID,
            let watermark = values[1].number, let horizon = values[2].number, let newest = values[3].number,
            let now = values[4].number, let version = values[5].number
        else { return nil }
        self.init(
            cursor: cursor, watermarkMs: watermark, horizonSecond: horizon, newestMs: newest, nowMs: now,
            definitionsVersion: Int(version))
        // A library before 3.2 does not tell.
        if values.count > 6 { changedFromMs = values[6].number.map { $0 * 1_000 } }
    }
}
