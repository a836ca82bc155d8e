import Reactor
import Service

/// Everything that `weir up` runs, in one data folder.
struct Installation: Sendable {
    private let settings: Settings
    private let console: UpConsole
    private let children: LivingChildren
    private let data: DataFolder
    private let folders: StoreFolders
    private let programs: ServerPrograms
    private let addresses: ListenAddresses
    private let redis: PrivateRedis
    private let postgres: PrivatePostgres
    private let processes: WeirProcesses
    private let schedule = StopSchedule()

    /// Checks all that can be checked before anything is started, and locks the data folder.
    static func prepare(_ settings: Settings, console: UpConsole, children: LivingChildren) async throws -> Installation
    {
        let data = try DataFolder(settings[UpCommand.data])
        do {
            return try await Installation(settings, data, console: console, children: children)
        } catch {
            // Nothing was started: the next one has nothing to wait for.
            data.markClosed()
            throw error
        }
    }

    private init(
        _ settings: Settings, _ data: DataFolder, console: UpConsole, children: LivingChildren
    ) async throws {
        self.settings = settings
        self.data = data
        self.console = console
        self.children = children
        addresses = try ListenAddresses(settings, patience: data.wasAbandoned ? .seconds(10) : .zero)
        let expected = StoreFolders.expectedPostgres(data)
        programs = try await ServerPrograms.find(
            dataVersion: PrivatePostgres.version(of: expected), dataFolder: expected, children: children)
        let account = try StoreAccount.choose(dataAt: expected)
        folders = try await StoreFolders(data, account: account, children: children)
        redis = PrivateRedis(
            program: programs.redis, folders: folders, account: account, port: settings[UpCommand.redisPort],
            console: console)
        postgres = PrivatePostgres(
            programs: programs.postgres, folders: folders, account: account,
            openPort: settings[UpCommand.postgresPort], console: console, children: children)
        processes = try WeirProcesses(
            settings, addresses: addresses, redisURL: redis.url, postgresURL: postgres.url, console: console)
        if let remark = folders.remark { console.report(remark) }
    }

    /// Notes that all has ended in order.
    func close() {
        folders.clean()
        data.markClosed()
        console.report("stopped; the data stay in \(data.name)")
    }

    /// In the order of their start; they stop in the reverse one.
    func parts() -> [RunPart] {
        var parts = [
            part(redis.plan, "redis \(programs.redisVersion)") { try await redis.waitForPredecessor() },
            part(postgres.plan, "PostgreSQL \(programs.postgres.version)") { try await postgres.initialize() },
            RunPart("preparation", endsGroup: false, start: prepareStores, run: {}),
            part(processes.work),
            part(processes.compact),
            part(processes.serve, "serve"),
        ]
        if !settings[UpCommand.noGenerate] { parts.append(part(processes.generate)) }
        parts.append(RunPart("announcement", endsGroup: false, start: { announce() }, run: {}))
        return parts
    }

    /// A process that is kept running; `title` is what the progress of its start is reported under.
    private func part(
        _ plan: Supervisor.Plan, _ title: String? = nil, before: @escaping @Sendable () async throws -> Void = {}
    ) -> RunPart {
        let supervisor = Supervisor(plan, logger: console.logger, children: children, schedule: schedule)
        // The supervisor keeps to the schedule by itself; the group's deadline only is the last resort.
        return RunPart(
            plan.name, deadline: .seconds(10),
            start: {
                try await before()
                let begin = ContinuousClock.now
                try await supervisor.start()
                if let title { console.report("starting \(title) … ready in \(seconds(.now - begin))") }
            }, run: supervisor.run)
    }

    private func prepareStores() async throws {
        try await postgres.createDatabase()
        for (title, specification) in [
            ("migrations", processes.migrate), ("Redis Functions", processes.loadScripts),
        ] {
            let begin = ContinuousClock.now
            let exit = try await children.run(specification)
            guard exit == .exited(0) else {
                guard case .exited(let code) = exit else { throw StartError(.failure, "\(title): \(exit)") }
                throw StartError(ExitCode(rawValue: code), "\(title): failed (\(exit)); the message above says why")
            }
            console.report("applying \(title) … done in \(seconds(.now - begin))")
        }
    }

    private func announce() {
        var lines = ["Weir is up: \(processes.url)  (data in \(data.name), Ctrl-C stops it)"]
        if !settings[UpCommand.noGenerate] {
            lines.append("  events    made up by weir generate; --no-generate leaves them out")
        }
        lines.append("  Redis     redis-cli -s \(quoted(folders.redisSocket))")
        lines.append("  SQL       psql \(quoted(postgres.url))")
        console.announce(lines)
    }
}

/// `text` as one word for a shell.
private func quoted(_ text: String) -> String {
    let isPlain = text.utf8.allSatisfy { byte in
        let character = Character(UnicodeScalar(byte))
        return byte < 0x80 && (character.isLetter || character.isNumber || "/-._=:".contains(character))
    }
    return isPlain ? text : "\"" + text.map { "\"$`\\".contains($0) ? "\\\($0)" : "\($0)" }.joined() + "\""
}
