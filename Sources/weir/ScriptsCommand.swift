import Analytics
import Reactor
import Redis
import RedisStore
import Service

/// `weir scripts load` and `weir scripts list`: the Redis Functions.
enum ScriptsCommand {
    static let force = Setting(
        flag: "force", help: "Load the built-in version whatever Redis has, also an older one than it has.")
    static let load = Command(
        "scripts load", summary: "loads the Redis Functions",
        details: "Loading replaces an older version atomically and does nothing where Redis has this one.",
        settings: [Shared.redis, Shared.wait, force])
    static let list = Command(
        "scripts list", summary: "lists the Redis Functions that Redis has", settings: [Shared.redis])

    static func runLoad(_ settings: Settings) async -> ExitCode {
        await withScripts(settings, "scripts load") { scripts in
            let outcome = try await waiting(for: settings[Shared.wait], settings.logger("scripts load")) {
                try await scripts.load(force: settings[force])
            }
            switch outcome {
            case .loaded(nil): say("loaded version \(RedisScripts.version)")
            case .loaded(let old?): say("loaded version \(RedisScripts.version), replacing \(old)")
            case .current(let version): say("Redis has version \(version) already")
            }
        }
    }

    static func runList(_ settings: Settings) async -> ExitCode {
        await withScripts(settings, "scripts list") { scripts in
            guard let version = try await scripts.loadedVersion() else {
                say("Redis has none of Weir's functions; load them with: weir scripts load")
                return
            }
            say(
                "version \(version)\(version < RedisScripts.version ? " (this program has \(RedisScripts.version))" : "")"
            )
            for function in try await scripts.list() {
                say("  \(function.name)\(function.flags.isEmpty ? "" : "  \(function.flags.joined(separator: " "))")")
            }
        }
    }

    private static func withScripts(
        _ settings: Settings, _ name: String, _ body: @escaping @Sendable (RedisScripts) async throws -> Void
    ) async -> ExitCode {
        do {
            let loop = try EventLoop.start(name: "scripts")
            var configuration = RedisConfiguration(url: try RedisURL(settings[Shared.redis]))
            configuration.waitsForConnection = true
            let client = RedisClient(configuration, loop: loop)
            await client.start()
            try await loop.run { try await body(RedisScripts(client: client)) }
            await client.close()
            return .success
        } catch let error as StoreError {
            complain(name, "\(error)")
            return error.code == .unavailable || error.code == .timedOut ? .unavailable : .failure
        } catch {
            complain(name, "\(error)")
            return .configuration
        }
    }
}
