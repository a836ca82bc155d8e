import Glibc
import Service
import Terminal
import WebClient
import Wire

/// Asks once, or again and again, and shows what comes.
final class QueryRun: Sendable {
    /// What is shown: on standard output, and on standard error what must be known of it.
    private struct Shown {
        var output: String
        var notes: [String] = []
    }

    private static let alternateScreen = "\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l"
    private static let usualScreen = "\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l"

    private let settings: Settings
    private let front: FrontRequest
    private let environment = processEnvironment()
    private let zone: TerminalZone
    private let target: String
    /// Whether the terminal shows the other screen, and what it showed last.
    private let screen = Lock((isOther: false, last: Shown?.none))

    init(_ settings: Settings, _ front: FrontRequest) {
        self.settings = settings
        self.front = front
        zone = settings[QueryCommand.utc] ? .utc : .local
        target = QueryCommand.target(settings)
    }

    /// Ends the process: what was watched last stays on the terminal. On the thread of the signals.
    func interrupted(by signal: ProcessSignal) {
        let last = screen.withLock { screen in
            defer { screen.isOther = false }
            return screen.isOther ? screen.last : nil
        }
        if let last {
            Self.write(Self.usualScreen)
            print(last)
        }
        if settings[QueryCommand.watch] != nil { leave(.success) }
        leave(.signal(signal == .interrupt ? SIGINT : SIGTERM))
    }

    /// Asks and shows; for ever where it is to watch.
    ///
    /// - Throws: `StartError` where the front cannot be asked; while watching, only the first time.
    func run() async throws -> ExitCode {
        let first = try await ask()
        guard let interval = settings[QueryCommand.watch] else {
            print(first)
            return .success
        }
        show(first)
        while true {
            try await Task.sleep(for: interval)
            do throws(StartError) {
                show(try await ask())
            } catch {
                // A front that restarts comes back; until then its last answer stays.
                if error.exitCode != .unavailable { throw ended(error) }
                showTrouble("\(error.description); trying again")
            }
        }
    }

    /// The terminal as it was, for an error that ends the watching.
    private func ended(_ error: StartError) -> StartError {
        let wasOther = screen.withLock { screen in
            defer { screen.isOther = false }
            return screen.isOther
        }
        if wasOther { Self.write(Self.usualScreen) }
        return error
    }

    private func ask() async throws(StartError) -> Shown {
        let isCSV = settings[QueryCommand.format] == .csv
        let response = try await front.answer(
            .get, target, accept: isCSV ? "text/csv" : "application/json", badRequest: .usage)
        if isCSV {
            let degraded = response.fields["weir-degraded"]?.split(separator: ",").map(String.init) ?? []
            return Shown(
                output: response.text,
                notes: AnswerNotes.warnings(
                    degraded: degraded, isTruncated: response.fields["weir-truncated"] == "true"))
        }
        guard let json = try? JSON5.parse(response.body), let reply = QueryReply(json) else {
            throw StartError(.protocolError, "\(front.client.endpoint): the answer is none of the query API")
        }
        if settings[QueryCommand.format] == .json {
            return Shown(output: response.text + "\n", notes: AnswerNotes.warnings(reply))
        }
        let freshness = AnswerNotes.freshness(reply, nowMs: TimeSource.system.wallMs(), zone: zone)
        let notes = AnswerNotes.warnings(reply) + (freshness.map { [$0] } ?? [])
        return Shown(output: drawn(reply, besides: notes.count), notes: notes)
    }

    private func drawn(_ reply: QueryReply, besides notes: Int) -> String {
        let size = TerminalOutput.size(environment: environment)
        let style = TerminalOutput.style(environment: environment)
        let lines =
            settings[QueryCommand.plot]
            // The prompt below needs a row.
            ? AnswerChart(reply, zone: zone, width: size.columns, height: size.rows - notes - 1, style: style).rows
            : AnswerTable(reply, zone: zone, width: size.columns, style: style).lines
        return lines.map { $0 + "\n" }.joined()
    }

    // MARK: Showing

    /// Whether answers take the place of each other on the terminal's other screen.
    private var redraws: Bool { TerminalOutput.isTerminal && settings[QueryCommand.format] == .table }

    private func show(_ shown: Shown) {
        guard redraws else { return print(shown) }
        let begins = screen.withLock { screen in
            defer { screen = (true, shown) }
            return !screen.isOther
        }
        if begins { Self.write(Self.alternateScreen) }
        draw(shown)
    }

    private func showTrouble(_ text: String) {
        guard redraws, var shown = screen.withLock({ $0.last }) else { return complain("query", text) }
        shown.notes = [text]
        draw(shown)
    }

    private func draw(_ shown: Shown) {
        let size = TerminalOutput.size(environment: environment)
        // The newest lines of a table are its last.
        let lines = shown.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
        let room = max(2, size.rows - shown.notes.count)
        let visible = lines.count <= room ? lines : [lines[0]] + lines.suffix(room - 1)
        let notes = shown.notes.map { TerminalText.cut($0, to: size.columns) }
        Self.write("\u{1B}[H" + (visible + notes).joined(separator: "\u{1B}[K\n") + "\u{1B}[K\u{1B}[J")
    }

    private func print(_ shown: Shown) {
        Self.write(shown.output)
        for note in shown.notes { complain("query", note) }
    }

    /// Nobody reads any more: that ends the command, as it ends any other in a pipe.
    private static func write(_ text: String) {
        guard writeAll(Array(text.utf8), to: STDOUT_FILENO) == 0 else { leave(.signal(SIGPIPE)) }
    }
}
