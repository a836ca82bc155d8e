import Service
import Testing

@Suite("Command line") struct ProgramTests {
    private let program = Fixture.program

    private func parse(_ line: String, environment: [String: String] = [:]) throws -> Settings {
        try program.parse(line.split(separator: " ").map(String.init), environment: environment)
    }

    @Test func readsBothWaysOfGivingAValue() throws {
        let settings = try parse(
            "serve --listen=[::1]:9000 --partitions 4 --insecure --allow-origin a --allow-origin=b=c --limit 1MiB")
        #expect(settings.command == "serve")
        #expect(settings[Fixture.listen] == HostPort(host: "::1", port: 9000))
        #expect(settings[Fixture.partitions] == 4)
        #expect(settings[Fixture.insecure])
        #expect(settings[Fixture.origins] == ["a", "b=c"])
        #expect(settings[Fixture.limit] == .mebibytes(1))
        #expect(settings[Fixture.token] == nil)
        #expect(settings[Fixture.late] == .seconds(604_800))
        #expect(settings[StandardSettings.logLevel] == .info)
    }

    @Test func takesTheRestAfterTwoDashesAsArguments() throws {
        let settings = try parse("send --format combined a.log - -- --format -x")
        #expect(settings.arguments == ["a.log", "-", "--format", "-x"])
        #expect(settings[Fixture.format] == .combined)
    }

    @Test func findsCommandsOfSeveralWords() throws {
        #expect(try parse("scripts load").command == "scripts load")
        #expect(try parse("scripts list --log-level debug")[StandardSettings.logLevel] == .debug)
    }

    @Test(
        "what is wrong is said in one line",
        arguments: [
            ("", "weir: which command? weir --help lists them"),
            ("sreve", "weir: no command 'sreve'; did you mean serve? (weir --help lists them)"),
            ("zzz", "weir: no command 'zzz' (weir --help lists them)"),
            ("--listen x serve", "weir: options stand after the command; weir --help lists the commands"),
            ("scripts", "weir scripts: expected weir scripts load or weir scripts list"),
            (
                "serve --lisen :1",
                "weir serve: no option --lisen; did you mean --listen? (weir serve --help lists them)"
            ),
            (
                "serve --part 3",
                "weir serve: no option --part; did you mean --partitions? (weir serve --help lists them)"
            ),
            ("serve -x", "weir serve: no option -x (weir serve --help lists them)"),
            ("serve --listen", "weir serve: --listen needs a value: --listen HOST:PORT"),
            ("serve --listen --insecure", "weir serve: --listen needs a value: --listen HOST:PORT"),
            ("serve --partitions 0", "weir serve: --partitions: expected a whole number, from 1 to 1024, found '0'"),
            (
                "serve --listen 80",
                "weir serve: --listen: expected an address such as 127.0.0.1:8080, [::1]:8080 or :8080, found '80'"
            ),
            (
                "serve --late 7",
                "weir serve: --late: expected a length of time such as 250ms, 60s, 5m or 7d, from 1m to 365d, found '7'"
            ),
            ("serve --insecure=maybe", "weir serve: --insecure: expected true or false, found 'maybe'"),
            ("serve --token=", "weir serve: --token: expected a text that is not empty"),
            ("send --format xml", "weir send: --format: expected one of ndjson, combined, found 'xml'"),
            ("send --rate nan", "weir send: --rate: expected a number, from 0 to 1000000, found 'nan'"),
            ("serve x", "weir serve: 'x' is too much; the command takes only options"),
            ("query", "weir query: METRIC is missing; what to ask for"),
            ("query a b", "weir query: 'b' is too much"),
            (
                "serve --keep-minutes 8d",
                "weir serve: --keep-minutes: minutes must be kept at least two days longer than late"
            ),
        ])
    func usageErrors(line: String, expected: String) {
        let error = #expect(throws: UsageError.self) { try parse(line) }
        #expect(error == UsageError(.usage, [expected]))
    }

    @Test func helpShowsDefaultsVariablesAndKeys() throws {
        for line in [["serve", "--help"], ["serve", "--nonsense", "-h"], ["help", "serve"]] {
            guard case .show(let page) = try program.request(line) else {
                Issue.record("no help")
                return
            }
            #expect(page.hasPrefix("weir serve - HTTP and WebSocket front\n\nUsage: weir serve [options]\n"))
            #expect(page.contains("\nListening\n  --listen HOST:PORT"))
            #expect(page.contains("[default: 127.0.0.1:8080, env: WEIR_LISTEN, key: listen]"))
            #expect(page.contains("[default: 7d, key: late]"))
            #expect(page.contains("--log-format auto|human|json"))
            #expect(page.contains("General options\n"))
            #expect(page.contains("[default: redis://127.0.0.1:6379, env: WEIR_REDIS_URL, key: redis_url]"))
            #expect(page.split(separator: "\n").allSatisfy { $0.count <= 96 })
        }
        guard case .show(let page) = try program.request(["--help"]) else { return }
        #expect(page.contains("  scripts load"))
        guard case .show(let group) = try program.request(["scripts", "--help"]) else { return }
        #expect(group.contains("  scripts list"))
        guard case .show(let version) = try program.request(["--version"]) else { return }
        #expect(version == "weir 1.2.3\n")
    }

    @Test(
        "an option that may stand alone takes what follows only where it can be meant",
        arguments: [
            ("query a", nil), ("query a --watch", .seconds(2)), ("query --watch a", .seconds(2)),
            ("query --watch 5s a", .seconds(5)), ("query --watch=1m a", .seconds(60)),
        ] as [(String, Duration?)])
    func bareOptions(line: String, expected: Duration?) throws {
        let settings = try parse(line)
        #expect(settings[Fixture.watch] == expected && settings.arguments == ["a"])
    }

    @Test func helpShowsWhatAnOptionMeansAlone() throws {
        guard case .show(let page) = try program.request(["query", "--help"]) else { return }
        #expect(page.contains("--watch [TIME]") && page.contains("[alone: 2s]"))
    }

    @Test func optionsAfterTwoDashesAskForNoHelp() throws {
        guard case .run(let invocation) = try program.request(["send", "--", "--help"]) else {
            Issue.record("help was shown")
            return
        }
        #expect(invocation.command.name == "send")
    }
}
