internal import Service

/// Sleeps for a time; throws where the task is cancelled. The executable passes its loop's sleep, a test its clock's.
package typealias Pause = @Sendable (Duration) async throws -> Void

/// How long and how often a batch is tried.
package struct RetryPolicy: Sendable {
    /// The first pause is at most this long, each further one at most twice the one before.
    package var firstPause: Duration = .milliseconds(100)
    /// No pause grows beyond this.
    package var longestPause: Duration = .seconds(10)
    /// A batch is given up this long after its first attempt. Must stay below the time for which the server remembers
    /// keys (one hour), or a retry could count twice.
    package var giveUpAfter: Duration = .seconds(50 * 60)

    /// The default policy.
    package init() {}
}

/// Hands batches over, again and again if need be.
struct Delivery: Sendable {
    let sink: any EventSink
    let policy: RetryPolicy
    let time: TimeSource
    let pause: Pause
    let stop: StopSignal
    /// Called before each pause, with what went wrong and how long the pause is; then with nil once it works again.
    let onTrouble: @Sendable ((detail: String, pause: Duration)?) -> Void

    enum Outcome: Sendable, Equatable {
        case answered(IngestAnswer)
        case refused(status: Int, detail: String, lines: [RejectedLine])
        /// Tried for as long as the policy allows; the batch may have been counted without an answer reaching us.
        case gaveUp(detail: String)
        /// Asked to stop while waiting for the next attempt.
        case stopped
    }

    /// Tries until there is an answer, the policy's time is over, or it is time to stop. An attempt that is under way when
    /// that is asked for is still finished.
    func deliver(_ batch: EventBatch) async -> Outcome {
        let startNs = time.monotonicNs()
        var backoff = Backoff(shortest: policy.firstPause, longest: policy.longestPause)
        while true {
            do {
                let answer = try await sink.send(batch)
                if backoff.failures > 0 { onTrouble(nil) }
                return .answered(answer)
            } catch {
                switch error {
                case .refused(let status, let detail, let lines):
                    return .refused(status: status, detail: detail, lines: lines)
                case .unavailable(let detail, let retryAfter):
                    let wait = max(backoff.next(), retryAfter ?? .zero)
                    let elapsed = Duration.nanoseconds(time.monotonicNs() - startNs)
                    if elapsed + wait > policy.giveUpAfter { return .gaveUp(detail: detail) }
                    onTrouble((detail, wait))
                    guard await stop.sleep(wait, pause) else { return .stopped }
                }
            }
        }
    }
}
