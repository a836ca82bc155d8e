import Analytics
import Postgres
import PostgresStore
import Reactor
import Service

/// `weir migrate`: brings PostgreSQL up to date.
enum MigrateCommand {
    static let command = Command(
        "migrate", summary: "brings the PostgreSQL schema up to date",
        details: "Applies the migrations that are built in, in order, and records each; refuses where one was changed "
            + "after it was applied. Needs CREATE on the schema weir, and on the database where there is no such schema.",
        settings: [Shared.postgres, Shared.wait])

    static func run(_ settings: Settings) async -> ExitCode {
        do {
            let loop = try EventLoop.start(name: "migrate")
            let configuration = try configuration(settings)
            let report = try await loop.run {
                try await waiting(for: settings[Shared.wait], settings.logger("migrate")) {
                    try await MigrationRunner(configuration, loop: loop).run { say("applied \($0)") }
                }
            }
            if report.applied.isEmpty && report.installed.isEmpty { say("nothing to do: the schema is up to date") }
            return .success
        } catch let error as StoreError {
            complain("migrate", error.detail)
            return error.code == .unavailable || error.code == .timedOut ? .unavailable : .failure
        } catch {
            complain("migrate", "\(error)")
            return .failure
        }
    }

    private static func configuration(_ settings: Settings) throws -> PostgresConfiguration {
        var configuration = try PostgresConfiguration(settings[Shared.postgres])
        let logger = settings.logger("migrate")
        configuration.onNotice = { log($0, logger) }
        return configuration
    }

    /// What migrations say to people: that something was left to them, or does not look right.
    @Sendable private static func log(_ notice: PostgresNotice, _ logger: Logger) {
        let hint: LogFields = notice.hint.map { ["hint": "\($0)"] } ?? [:]
        if notice.severity == "WARNING" {
            logger.warning(notice.message, hint)
        } else if notice.isRaised {
            logger.notice(notice.message, hint)
        }
    }
}
