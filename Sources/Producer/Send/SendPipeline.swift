package import Service

/// Sends log lines to a front so that none is lost and none counts twice: what `weir send` does.
///
/// ```
/// thread:  file ─▶ lines ─▶ events ─▶ batches ─┐ bounded
/// tasks:                                       └─▶ 1…n senders, each with retries ─▶ EventSink
/// ```
/// A run is one object: make it, `run()` it once. Everything but `run` may be called from any thread.
package final class SendPipeline: Sendable {
    private let options: SendOptions
    private let sink: any EventSink
    private let time: TimeSource
    private let pause: Pause
    private let onNotice: @Sendable (SendNotice) -> Void
    private let ledger = Lock(SendLedger())
    private let stopSignal = StopSignal()
    private let teller = TroubleTeller()
    private let handoff: Handoff<SourceBatch>
    private let ending = Lock<SendReport.Ending?>(nil)
    private let runID: String
    private let startNs: UInt64

    /// Prepares a run.
    ///
    /// - Parameters:
    ///   - options: without `problems`.
    ///   - sink: used by up to `options.inFlight` tasks at once.
    ///   - time: the clocks for due times, retries and the progress.
    ///   - pause: how to sleep; on a loop, the loop's own sleep.
    ///   - runID: what this run's idempotency keys begin with; random unless told.
    ///   - onNotice: called from the reader's thread and from the senders' tasks.
    /// - Throws: `SourceError` where the system has no descriptors left.
    package init(
        options: SendOptions, sink: any EventSink, time: TimeSource = .system, pause: @escaping Pause,
        runID: String = SendPipeline.randomRunID(), onNotice: @escaping @Sendable (SendNotice) -> Void = { _ in }
    ) throws(SourceError) {
        precondition(options.problems.isEmpty, options.problems.joined(separator: "; "))
        self.options = options
        self.sink = sink
        self.time = time
        self.pause = pause
        self.onNotice = onNotice
        self.runID = runID
        startNs = time.monotonicNs()
        do {
            handoff = try Handoff(capacity: options.inFlight)
        } catch {
            throw SourceError(detail: error.description)
        }
    }

    /// Sixteen random hexadecimal digits.
    package static func randomRunID() -> String {
        let digits = String(UInt64.random(in: 0...UInt64.max), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// How far the run is now.
    package var progress: SendProgress {
        var progress = ledger.withLock { $0.progress }
        progress.elapsed = .nanoseconds(time.monotonicNs() - startNs)
        return progress
    }

    /// Ends the run in good order: nothing more is read, requests under way are finished, then `run` returns.
    package func stop() { end(.stopped) }

    /// Reads and sends until all is done, the run is stopped, or it cannot go on; a cancelled task ends it at once.
    package func run() async -> SendReport {
        let reader = LogReader(
            options: options, handoff: handoff, ledger: ledger, time: time, onNotice: onNotice)
        // Not joined: it ends as soon as it asks the handoff, but may hang in a read of a dead network disk.
        _ = NativeThread(name: "weir-send") { [self] in
            do throws(SourceError) {
                try reader.run()
            } catch {
                self.ending.withLock { if $0 == nil { $0 = .unreadable(detail: error.detail) } }
            }
            handoff.end()
        }
        await withTaskCancellationHandler {
            await withTaskGroup(of: Void.self) { senders in
                for _ in 0..<options.inFlight { senders.addTask { await self.sendBatches() } }
            }
        } onCancel: {
            stop()
        }
        let ending = self.ending.withLock { $0 } ?? .complete
        let files = options.files.isEmpty ? ["-"] : options.files
        let (failed, resume) = ledger.withLock {
            ($0.failedLines, $0.resumePoint(files: files, isWhole: ending == .complete))
        }
        return SendReport(ending: ending, progress: progress, failedLines: failed, resume: resume)
    }

    private func end(_ ending: SendReport.Ending) {
        self.ending.withLock { if $0 == nil { $0 = ending } }
        stopSignal.set()
        handoff.stop()
    }

    // MARK: Senders

    private func sendBatches() async {
        let delivery = Delivery(
            sink: sink, policy: options.retry, time: time, pause: pause, stop: stopSignal
        ) { [self] trouble in
            ledger.withLock { $0.trouble(trouble?.detail) }
            if let trouble {
                guard teller.tellsTrouble(nowNs: time.monotonicNs()) else { return }
                onNotice(.waiting(detail: trouble.detail, pause: trouble.pause))
            } else if teller.tellsEnd() {
                onNotice(.goesOn)
            }
        }
        while let batch = await handoff.next() {
            if let dueMs = batch.dueMs {
                let early = dueMs - time.wallMs()
                if early > 0 { guard await stopSignal.sleep(.milliseconds(early), pause) else { return } }
            }
            guard await send(batch, delivery) else { return }
        }
    }

    /// Sends one batch; false where the run is over.
    private func send(_ batch: SourceBatch, _ delivery: Delivery) async -> Bool {
        let request = EventBatch(body: batch.body, count: batch.lines.count, key: "\(runID)-\(batch.sequence)")
        switch await delivery.deliver(request) {
        case .answered(let answer):
            book(batch, answer)
            return true
        case .refused(413, let detail, _):
            guard let (first, second) = batch.halves() else {
                book(batch, refusing: detail, [])
                return true
            }
            ledger.withLock { $0.halved(batch, first, second) }
            guard await send(first, delivery) else { return false }
            return await send(second, delivery)
        case .refused(400, let detail, let lines):
            // No line was good: that is a matter of these lines, not of the run.
            book(batch, refusing: detail, lines)
            return true
        case .refused(let status, let detail, _):
            end(status == 401 || status == 403 ? .forbidden(detail: detail) : .refused(status: status, detail: detail))
            return false
        case .gaveUp(let detail):
            end(.gaveUp(detail: detail))
            return false
        case .stopped:
            return false
        }
    }

    private func book(_ batch: SourceBatch, refusing detail: String, _ lines: [RejectedLine]) {
        let errors = lines.isEmpty ? [RejectedLine(line: 1, reason: detail)] : lines
        book(batch, IngestAnswer(accepted: 0, rejected: batch.lines.count, errors: errors))
    }

    private func book(_ batch: SourceBatch, _ answer: IngestAnswer) {
        let told = ledger.withLock { $0.answered(batch, answer) }
        for line in told { onNotice(.failedLine(line)) }
        handoff.wakePipe.wake()  // the reader may wait for a file to be settled
    }
}
