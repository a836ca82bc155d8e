import Analytics
import Service

/// Does `body`, again and again for `time` where its store is out of reach: it may be starting, or its name not known yet.
///
/// The first reason is told in the log. `body` is repeated whole, so it must be one that may be.
///
/// - Throws: what `body` throws at last; any other error at once.
func waiting<Success>(
    for time: Duration, _ logger: Logger, _ body: () async throws -> Success
) async throws -> Success {
    let clock = ContinuousClock()
    let end = clock.now + time
    var backoff = Backoff(shortest: .milliseconds(100), longest: .seconds(1))
    var isTold = false
    while true {
        do {
            return try await body()
        } catch let error as StoreError {
            guard error.code == .unavailable || error.code == .timedOut, clock.now < end else { throw error }
            if !isTold { logger.warning("waiting for \(error.store)", ["reason": "\(error.detail)"]) }
            isTold = true
        }
        try await Task.sleep(for: backoff.next())
    }
}
