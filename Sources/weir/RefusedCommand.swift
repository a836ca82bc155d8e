import Analytics
import Reactor
import Service
import Terminal
import Wire

/// `weir refused list`, `retry` and `drop`: events that the worker could not count, through a running front.
enum RefusedCommand {
    /// How a list looks.
    enum Format: String, CaseIterable, Sendable {
        case text, json
    }

    private static let perPage = 1_000

    static let limit = Setting("limit", .int(1...1_000_000), default: 100, help: "List at most so many.")
    static let format = Setting(
        "format", .choice(Format.self), default: .text, help: "For people, or as JSON, an object a line.")
    static let all = Setting(flag: "all", help: "All that are refused now.")

    static let list = Command(
        "refused list", summary: "lists events that could not be counted",
        details:
            "Shows why each was refused and what it said, oldest first. The reasons are the worker's: what a front "
            + "refuses it answers with an error, and keeps nothing.",
        settings: [Shared.url, Shared.token, limit, format])
    static let retry = Command(
        "refused retry", summary: "tries refused events again",
        details: "Puts them on the log as they were, to be counted or refused anew. It helps where something else has "
            + "changed: a greater --late of the worker, say.",
        settings: [Shared.url, Shared.token, all], positional: ids)
    static let drop = Command(
        "refused drop", summary: "forgets refused events", settings: [Shared.url, Shared.token, all], positional: ids)

    private static let ids = Positional("ID", count: 0 ... .max, help: "Events by their ids in the list.")

    // MARK: Running

    static func runList(_ settings: Settings) async -> ExitCode {
        await run(settings, "refused list") { front in
            var (count, after) = (0, String?.none)
            repeat {
                let limit = min(perPage, settings[limit] - count)
                let page = try await front.send(
                    .get, "/api/v1/refused?limit=\(limit)\(after.map { "&after=\(PercentCoding.encoded($0))" } ?? "")")
                for event in page["refused"]?.elements ?? [] {
                    count += 1
                    print(event, settings[format])
                }
                after = page["next"]?.string
            } while after != nil && count < settings[limit]
            guard settings[format] == .text else { return .success }
            if count == 0 {
                say("no event is refused")
            } else if after != nil {
                say("\(count) listed, and there are more: --limit \(settings[limit] * 10)")
            } else {
                say(count == 1 ? "1 event is refused" : "\(count) events are refused")
            }
            return .success
        }
    }

    static func runRetry(_ settings: Settings) async -> ExitCode {
        guard hasChoice(settings, "refused retry") else { return .usage }
        return await run(settings, "refused retry") { front in
            let outcome = try await front.send(.post, "/api/v1/refused/retry", json: choice(settings))
            let (retried, cut) = (number(outcome, "retried"), number(outcome, "cut"))
            if settings[all] && retried + cut == 0 {
                say("no event is refused: there is nothing to try again")
            } else {
                say("\(events(retried)) put on the log again")
            }
            if cut > 0 {
                complain("refused retry", "\(events(cut)) too long to be kept whole cannot be tried again")
            }
            return conclude("refused retry", settings, gone: number(outcome, "gone"), cut: cut)
        }
    }

    static func runDrop(_ settings: Settings) async -> ExitCode {
        guard hasChoice(settings, "refused drop") else { return .usage }
        return await run(settings, "refused drop") { front in
            let outcome = try await front.send(.post, "/api/v1/refused/drop", json: choice(settings))
            let dropped = number(outcome, "dropped")
            say(
                settings[all] && dropped == 0
                    ? "no event is refused: there is nothing to drop" : "\(events(dropped)) dropped")
            return conclude("refused drop", settings, gone: number(outcome, "gone"), cut: 0)
        }
    }

    /// Says what is wrong with the ids and `--all`, if anything is.
    private static func hasChoice(_ settings: Settings, _ name: String) -> Bool {
        if settings[all] == !settings.arguments.isEmpty {
            complain(
                name, settings[all] ? "name ids or give --all, not both" : "which events? name their ids, or give --all"
            )
            return false
        }
        guard let wrong = settings.arguments.first(where: { RefusedID($0) == nil }) else { return true }
        complain(name, "'\(wrong)' is no id; weir refused list shows them, as in 0/1795472780134-0")
        return false
    }

    private static func run(
        _ settings: Settings, _ name: String,
        _ body: @escaping @Sendable (FrontRequest) async throws -> ExitCode
    ) async -> ExitCode {
        do {
            let loop = try EventLoop.start(name: "refused")
            let front = FrontRequest(client: try frontClient(settings, loop: loop), token: settings[Shared.token])
            return try await loop.run { try await body(front) }
        } catch {
            complain(name, "\(error)")
            return (error as? any ExitCodeError)?.exitCode ?? .failure
        }
    }

    /// Who names events wants to know that they were there.
    private static func conclude(_ name: String, _ settings: Settings, gone: Int, cut: Int) -> ExitCode {
        if settings[all] { return .success }
        if gone > 0 {
            complain(name, "\(events(gone)) not refused, or not any more: weir refused list shows those that are")
        }
        return gone + cut == 0 ? .success : .dataError
    }

    private static func choice(_ settings: Settings) -> [UInt8] {
        if settings[all] { return Array("{\"all\":true}".utf8) }
        var json = Array("{\"ids\":[".utf8)
        for (index, id) in settings.arguments.enumerated() {
            if index > 0 { json.append(UInt8(ascii: ",")) }
            json.appendJSON(id)
        }
        json.append(contentsOf: "]}".utf8)
        return json
    }

    private static func number(_ outcome: JSON5Value, _ name: String) -> Int { Int(outcome[name]?.integer ?? 0) }

    private static func events(_ count: Int) -> String { count == 1 ? "1 event" : "\(count) events" }

    // MARK: Showing

    private static func print(_ event: JSON5Value, _ format: Format) {
        switch format {
        case .json:
            var json: [UInt8] = []
            json.appendJSON(event)
            say(String(decoding: json, as: UTF8.self))
        case .text:
            for line in RefusedEventLines.lines(event) { say(line) }
        }
    }
}

/// A refused event for people: when and why, and below it what it said.
enum RefusedEventLines {
    private static let maxContent = 300

    static func lines(_ event: JSON5Value) -> [String] {
        let received = event["received"]?.integer.map { rfc3339(milliseconds: $0) } ?? ""
        let reason = TerminalText.printable(event["reason"]?.string ?? "")
        var content = content(event["fields"]?.elements ?? [])
        if event["cut"]?.bool == true { content += " (only the beginning was kept)" }
        return ["\(event["id"]?.string ?? "")  \(received)  \(reason)", "    \(content)"]
    }

    /// A line that came to a front as it was, other events by their fields.
    private static func content(_ fields: [JSON5Value]) -> String {
        let pairs = fields.compactMap { pair in
            pair.elements.flatMap { pair in pair.count == 2 ? (pair[0].string ?? "", pair[1].string ?? "") : nil }
        }
        let texts =
            switch pairs.first?.0 {
            case "batch", "start": [pairs[0].1]
            default: pairs.map { "\($0.0)=\($0.1)" }
            }
        let text = TerminalText.printable(texts.joined(separator: " "))
        return text.count <= maxContent ? text : text.prefix(maxContent) + "…"
    }
}
