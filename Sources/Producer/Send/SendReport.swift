/// How a run of `weir send` ended.
package struct SendReport: Sendable, Equatable {
    /// Why the run is over.
    package enum Ending: Sendable, Equatable {
        /// Everything was read and answered.
        case complete
        /// Asked to stop, or cancelled.
        case stopped
        /// The server stayed away for longer than keys live.
        case gaveUp(detail: String)
        /// 401 or 403.
        case forbidden(detail: String)
        /// The server said no to the request as such, not to its events.
        case refused(status: Int, detail: String)
        /// A source could not be read.
        case unreadable(detail: String)
    }

    package let ending: Ending
    package let progress: SendProgress
    /// The first lines that did not become counted events.
    package let failedLines: [FailedLine]
    /// Where to go on; nil where nothing is left.
    package let resume: ResumePoint?

    /// sysexits: 0, 65 some lines were refused, 66 no input, 69 unreachable, 76 not our protocol, 77 no permission.
    package var exitCode: Int32 {
        switch ending {
        case .complete, .stopped: progress.rejected + progress.bad > 0 ? 65 : 0
        case .gaveUp: 69
        case .forbidden: 77
        case .refused: 76
        case .unreadable: 66
        }
    }

    /// One line of numbers: `10,000 lines read, 10,000 events accepted, none refused, in 2.1 s (4,762 events/s)`.
    package var summary: String {
        let failed = [
            progress.rejected > 0 ? "\(progress.rejected.grouped) refused by the server" : nil,
            progress.bad > 0 ? "\(progress.bad.grouped) unreadable" : nil,
        ].compactMap(\.self)
        return "\(progress.lines.grouped) lines read, \(progress.accepted.grouped) events accepted, "
            + (failed.isEmpty ? "none refused" : failed.joined(separator: ", "))
            + ", in \(progress.elapsed.formatted(decimals: 1)) s (\(Int(progress.rate.rounded()).grouped) events/s)"
    }

    /// Why it ended, where that needs words.
    package var problem: String? {
        switch ending {
        case .complete, .stopped: nil
        case .gaveUp(let detail):
            "the server stayed away too long, a later retry could count events twice: \(detail)"
        case .forbidden(let detail): "no permission: \(detail)"
        case .refused(let status, let detail): "the server answered \(status): \(detail)"
        case .unreadable(let detail): detail
        }
    }

    /// How to go on from where this run ended, for a person; nil where nothing is left.
    package var advice: String? {
        guard let resume else { return nil }
        let file = resume.files.first ?? "-"
        let doubt =
            if case .gaveUp = ending { " (its batch may have been counted without an answer reaching us)" } else { "" }
        return "go on from \(file):\(resume.line)\(doubt) with: weir send … " + resume.arguments.joined(separator: " ")
    }
}

extension Int {
    /// With a comma between groups of three digits.
    var grouped: String {
        var text = ""
        let digits = String(magnitude)
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return self < 0 ? "-" + text : text
    }
}
