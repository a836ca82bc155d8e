import Postgres
import PostgresStore
import Reactor
import Service

/// `weir migrate`: brings PostgreSQL up to date.
enum MigrateCommand {
    static let command = Command(
        "migrate", summary: "brings the PostgreSQL schema up to date",
        details: "Applies the migrations that are built in, in order, and records each; refuses where one was changed "
            + "after it was applied. Needs CREATE on the database once, for the schema weir.",
        settings: [Shared.postgres])

    static func run(_ settings: Settings) async -> ExitCode {
        do {
            let loop = try EventLoop.start(name: "migrate")
            let configuration = try PostgresConfiguration(settings[Shared.postgres])
            let applied = try await loop.run { try await MigrationRunner(configuration, loop: loop).run() }
            for name in applied { say("applied \(name)") }
            if applied.isEmpty { say("nothing to do: the schema is up to date") }
            return .success
        } catch let error as PostgresError {
            complain("migrate", "\(error)")
            return error.code == .disconnected || error.code == .timedOut ? .unavailable : .failure
        } catch {
            complain("migrate", "\(error)")
            return .failure
        }
    }
}
