import Analytics
import Dashboard
import Front
import Postgres
import PostgresStore
import Reactor
import Redis
import RedisStore
import Service
import WebServer

/// `weir serve`: the HTTP and WebSocket front.
enum ServeCommand {
    private static let access = "Access"

    static let listen = Setting(
        "listen", .address, default: HostPort(host: "127.0.0.1", port: 8080), environment: "WEIR_LISTEN",
        key: "listen", help: "Where to accept connections.")
    static let tokens = Setting(
        optional: "tokens", .text("FILE"), environment: "WEIR_TOKENS", key: "tokens", group: access,
        help: "A file with one \"scope token\" a line; scopes: ingest, read, admin.")
    static let insecure = Setting(
        flag: "insecure", group: access, help: "Serve other hosts without tokens: anybody may read and write.")
    static let allowOrigin = Setting(
        repeated: "allow-origin", .text("ORIGIN"), environment: "WEIR_ALLOW_ORIGIN", key: "allow_origin",
        group: access, help: "A further origin whose pages may open WebSockets, as in https://example.org.")
    static let chartLibrary = Setting(
        "chart-library", .text("FOLDER"), default: DashboardFiles.defaultLibraryFolder, key: "chart_library",
        help: "Where dygraphs is installed (Debian package libjs-dygraphs).")
    static let idempotency = Setting(
        "idempotency", .duration(.seconds(60) ... .seconds(7 * 86_400)), default: .seconds(3_600), key: "idempotency",
        help: "How long an Idempotency-Key is remembered.")
    static let queryCache = Setting(
        "query-cache", .bytes(ByteCount(bytes: 0)...ByteCount(bytes: 64 << 30)),
        default: ByteCount(bytes: 64 << 20), key: "query_cache",
        help: "Memory for what was read of PostgreSQL; 0 keeps nothing.")

    static let lastHour = Setting(
        "last-hour", .bytes(ByteCount(bytes: 0)...ByteCount(bytes: 64 << 30)),
        default: ByteCount(bytes: 256 << 20), key: "last_hour",
        help: "Memory for the last 5 and 15 minutes and the last hour of each metric, kept merged; 0 keeps none.")

    static let drain = Setting(
        "drain", .duration(.zero ... .seconds(5)), default: .zero, environment: "WEIR_DRAIN", key: "drain",
        help: "When stopped, answer for so long with /readyz at 503, so that a load balancer looks elsewhere first.")

    static let command = Command(
        "serve", summary: "serves ingest, queries, live push and the dashboard",
        settings: [
            listen, Shared.redis, Shared.postgres, Shared.partitions, tokens, insecure, allowOrigin, Shared.late,
            idempotency, queryCache, lastHour, chartLibrary, drain,
        ],
        check: check)

    /// What no setting says alone: whom it serves, and which boards it shows.
    @Sendable static func check(_ settings: Settings, _ problems: inout Problems) {
        checkAccess(settings, &problems)
        BoardsSection.check(settings, &problems)
    }

    /// Other hosts are served only with tokens, or where that is asked for by name.
    private static func checkAccess(_ settings: Settings, _ problems: inout Problems) {
        if !settings[listen].isLoopback, settings[tokens] == nil, !settings[insecure] {
            problems.add(
                listen, in: settings,
                "other hosts can reach \(settings[listen]), so tokens are needed: give --tokens FILE, or --insecure "
                    + "to let anybody read and write")
        }
    }

    static func run(_ settings: Settings) async -> ExitCode {
        let logger = settings.logger("serve")
        do {
            let tokens = try readTokens(settings)
            let boards = try BoardsSection.boards(settings)
            let front = try Front(settings, tokens: tokens, boards: boards, logger: logger)
            return await runParts(front.parts(), logger: logger)
        } catch {
            complain("serve", "\(error)")
            return (error as? any ExitCodeError)?.exitCode ?? .configuration
        }
    }

    static func readTokens(_ settings: Settings) throws -> Tokens {
        guard let path = settings[tokens] else { return Tokens() }
        let bytes: [UInt8]
        do {
            bytes = try readFile(path)
        } catch {
            throw StartError(.configuration, "--tokens: \(error)")
        }
        do {
            return try Tokens(reading: bytes)
        } catch {
            throw StartError(.configuration, "--tokens: \(path), \(error)")
        }
    }
}
