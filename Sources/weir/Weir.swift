import Reactor
import Service

/// The executable: reads the settings and hands over to one command.
@main
struct Weir {
    static let version = "0.1.0"

    static let program = Program(
        name: "weir", version: version, summary: "real-time analytics over Redis and PostgreSQL",
        commands: entries.map(\.command), sections: [MetricsSection.section, BoardsSection.section])

    /// A command and what it does.
    struct Entry: Sendable {
        let command: Command
        let run: @Sendable (Settings) async -> ExitCode
    }

    static let entries = [
        Entry(command: UpCommand.command, run: UpCommand.run),
        Entry(command: ServeCommand.command, run: ServeCommand.run),
        Entry(command: WorkCommand.command, run: WorkCommand.run),
        Entry(command: CompactCommand.command, run: CompactCommand.run),
        Entry(command: GenerateCommand.command, run: GenerateCommand.run),
        Entry(command: SendCommand.command, run: SendCommand.run),
        Entry(command: QueryCommand.command, run: QueryCommand.run),
        Entry(command: BenchQueryCommand.command, run: BenchQueryCommand.run),
        Entry(command: ExportCommand.command, run: ExportCommand.run),
        Entry(command: RefusedCommand.list, run: RefusedCommand.runList),
        Entry(command: RefusedCommand.retry, run: RefusedCommand.runRetry),
        Entry(command: RefusedCommand.drop, run: RefusedCommand.runDrop),
        Entry(command: MigrateCommand.command, run: MigrateCommand.run),
        Entry(command: ScriptsCommand.load, run: ScriptsCommand.runLoad),
        Entry(command: ScriptsCommand.list, run: ScriptsCommand.runList),
        Entry(command: DoctorCommand.command, run: DoctorCommand.run),
    ]

    /// Not `async`: the runtime would park the main thread where every signal is let through.
    static func main() {
        Signals.blockInAllThreads()
        let settings = program.start()
        guard let entry = entries.first(where: { $0.command.name == settings.command }) else {
            preconditionFailure("the program only starts commands it has")
        }
        do {
            let loop = try EventLoop.start(name: "main")
            loop.spawn { leave(await entry.run(settings)) }
            Semaphore().wait()
        } catch {
            complain(settings.command, "\(error)")
            leave(.failure)
        }
    }
}
