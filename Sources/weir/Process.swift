import Glibc
import Reactor
import Service

/// Ends the process; what should be finished has been.
func leave(_ code: ExitCode) -> Never { exit(code.rawValue) }

/// Prints a line for people or scripts on standard output.
func say(_ text: String) { print(text) }

/// Prints why a command cannot go on, on standard error.
func complain(_ command: String, _ text: String) {
    var line = "weir \(command): \(text)\n"
    line.withUTF8 { bytes in _ = unsafe write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
}

/// Writes all of `bytes`, and blocks until they are taken; 0, or the system's error number.
func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
    var rest = bytes[...]
    while !rest.isEmpty {
        let written = unsafe rest.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
        if written > 0 {
            rest = rest.dropFirst(written)
        } else if written == 0 || errno != EINTR {
            return written == 0 ? EIO : errno
        }
    }
    return 0
}

extension Settings {
    /// The log of the process, as the general options ask for it.
    func logger(_ process: String) -> Logger {
        Logger.standardError(
            process: process, level: self[StandardSettings.logLevel], format: self[StandardSettings.logFormat])
    }
}

/// Runs the parts of a process until a signal or a failure, and then stops them in order.
func runParts(_ parts: [RunPart], logger: Logger) async -> ExitCode {
    let group = RunGroup(logger: logger)
    let signals = Signals { signal in
        // SIGHUP means nothing here yet; ending by it would be a surprise.
        if signal != .hangup { group.stop(signal == .interrupt ? "SIGINT" : "SIGTERM") }
    }
    defer { withExtendedLifetime(signals) {} }
    return await group.run(parts)
}

/// Waits until the task is cancelled.
func waitForCancellation() async {
    while !Task.isCancelled { try? await Task.sleep(for: .seconds(3600)) }
}

extension EventLoop {
    /// Waits for `time`, also in a task that was cancelled; on the loop only.
    func pause(_ time: Duration) async {
        let timer = Lock<LoopTimer?>(nil)
        await withCheckedContinuation { continuation in
            let made = schedule(after: time) { continuation.resume() }
            timer.withLock { $0 = made }
        }
    }
}
