import Glibc
import Service

/// The servers as installed on this machine.
struct ServerPrograms: Sendable {
    /// PostgreSQL of one major version.
    struct Postgres: Sendable {
        let folder: String
        let major: Int
        let version: String

        var server: String { "\(folder)/postgres" }
        var initdb: String { "\(folder)/initdb" }
        /// The client comes in a package of its own on some systems.
        var psql: String { unsafe access("\(folder)/psql", X_OK) == 0 ? "\(folder)/psql" : "psql" }
    }

    let redis: String
    let redisVersion: String
    let postgres: Postgres

    private static let install = "run ./dev setup, or: apt install"
    private static let oldestPostgres = 14

    /// Looks for the servers; `dataVersion` is the major version of PostgreSQL that made the data, if there are any.
    static func find(
        dataVersion: Int?, dataFolder: String, children: LivingChildren
    ) async throws(StartError) -> ServerPrograms {
        let (redis, redisVersion) = try await findRedis(children)
        let installed = await installedPostgres(children)
        guard let newest = installed.first else {
            throw StartError(.unavailable, "PostgreSQL is not installed: \(install) postgresql")
        }
        guard let dataVersion else {
            guard newest.major >= oldestPostgres else {
                throw StartError(
                    .unavailable, "PostgreSQL \(newest.version) is too old: Weir needs \(oldestPostgres) or newer")
            }
            return ServerPrograms(redis: redis, redisVersion: redisVersion, postgres: newest)
        }
        guard let matching = installed.first(where: { $0.major == dataVersion }) else {
            throw StartError(
                .configuration,
                "the data in \(dataFolder) are of PostgreSQL \(dataVersion), and installed is "
                    + installed.map { "\($0.major)" }.joined(separator: ", ")
                    + ": install postgresql-\(dataVersion), convert them with pg_upgrade, or start afresh with another "
                    + "--data")
        }
        return ServerPrograms(redis: redis, redisVersion: redisVersion, postgres: matching)
    }

    private static func findRedis(_ children: LivingChildren) async throws(StartError) -> (String, version: String) {
        let names = ["redis-server", "valkey-server"]
        guard let program = names.lazy.compactMap(ChildSpecification.executable).first else {
            throw StartError(.unavailable, "redis-server is not installed: \(install) redis-server")
        }
        // `Redis server v=7.0.15 sha=…`
        let words = await children.output(of: [program, "--version"])?.split(separator: " ") ?? []
        let version = words.first { $0.hasPrefix("v=") }?.dropFirst(2) ?? "unknown"
        if let major = version.split(separator: ".").first.flatMap({ Int($0) }), major < 7 {
            throw StartError(.unavailable, "\(program) is of version \(version): Weir needs Redis 7.0 or newer")
        }
        return (program, String(version))
    }

    /// The newest first.
    private static func installedPostgres(_ children: LivingChildren) async -> [Postgres] {
        var folders = matches("/usr/lib/postgresql/*/bin") + matches("/usr/pgsql-*/bin") + ["/usr/local/pgsql/bin"]
        if let initdb = ChildSpecification.executable("initdb").flatMap(absolutePath) {
            folders.append(String(initdb.dropLast("/initdb".count)))
        }
        var found: [Postgres] = []
        for folder in folders where !found.contains(where: { $0.folder == folder }) {
            guard unsafe access("\(folder)/initdb", X_OK) == 0, unsafe access("\(folder)/postgres", X_OK) == 0 else {
                continue
            }
            // `postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)`, `postgres (PostgreSQL) 18beta1`
            let words = await children.output(of: ["\(folder)/postgres", "--version"])?.split(separator: " ") ?? []
            guard words.count > 2, let major = Int(words[2].prefix { $0.isNumber }) else { continue }
            found.append(Postgres(folder: folder, major: major, version: String(words[2])))
        }
        return found.sorted { $0.major > $1.major }
    }

    private static func matches(_ pattern: String) -> [String] {
        var found = unsafe glob_t()
        defer { unsafe globfree(&found) }
        guard unsafe glob(pattern, 0, nil, &found) == 0, let paths = unsafe found.gl_pathv else { return [] }
        return unsafe (0..<Int(found.gl_pathc)).compactMap { index in
            unsafe paths[index].map { unsafe String(cString: $0) }
        }
    }
}
