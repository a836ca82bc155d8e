package import Analytics
internal import Assets
package import Redis

/// Our Redis Functions: the library that is built in, and the one that Redis has.
package struct RedisScripts: Sendable {
    /// A version, `major.minor`: a greater minor one works with callers of a lesser.
    package struct Version: Comparable, Sendable, CustomStringConvertible {
        package let major: Int
        package let minor: Int

        init?(_ text: some StringProtocol) {
            let parts = text.split(separator: ".").map { Int($0) }
            guard parts.count == 2, let major = parts[0], let minor = parts[1] else { return nil }
            self.major = major
            self.minor = minor
        }

        package var description: String { "\(major).\(minor)" }

        package static func < (a: Version, b: Version) -> Bool { (a.major, a.minor) < (b.major, b.minor) }
    }

    /// What `load` did.
    package enum Outcome: Sendable, Equatable {
        case loaded(replaced: Version?)
        /// Redis has this version already, or a newer one that works with this program.
        case current(Version)
    }

    /// The version that is built in.
    package static let version: Version = {
        let line = source.split(separator: "\n").first { $0.hasPrefix("local VERSION = ") } ?? ""
        guard let version = Version(line.split(separator: "'").last ?? "") else {
            preconditionFailure("redis-scripts/weir.lua states its version")
        }
        return version
    }()

    private static let source: String = {
        guard let asset = Asset.named("redis-scripts/weir.lua") else {
            preconditionFailure("redis-scripts/weir.lua is built in")
        }
        return asset.text
    }()

    private let client: RedisClient

    package init(client: RedisClient) { self.client = client }

    /// The version that Redis has; nil where it has none.
    package func loadedVersion() async throws(StoreError) -> Version? {
        do {
            return try await client.send(RedisCommand(function: "weir_version", keys: [], readOnly: true)).text
                .flatMap { Version($0) }
        } catch  where error.detail.contains("Function not found") {
            return nil
        } catch {
            throw StoreError(error)
        }
    }

    /// Loads the library where Redis has an older one or none; with `force` whatever it has. Replacing is atomic.
    ///
    /// - Throws: `.incompatible` where Redis has a newer major version, which this program must not replace.
    package func load(force: Bool = false) async throws(StoreError) -> Outcome {
        let loaded = try await loadedVersion()
        if let loaded, !force {
            if loaded.major > Self.version.major { throw Self.tooNew(loaded) }
            if loaded >= Self.version { return .current(loaded) }
        }
        var command = RedisCommand("FUNCTION", operation: "FUNCTION LOAD")
        command.append("LOAD")
        command.append("REPLACE")
        command.append(Self.source)
        let sent = command
        _ = try await mapping { () throws(RedisError) in try await client.send(sent) }
        return .loaded(replaced: loaded)
    }

    /// Looks whether the functions of a running Redis can still be used.
    ///
    /// - Throws: `.incompatible` where they are of another major version, or unknown.
    static func check(_ text: String?) throws(StoreError) {
        guard let loaded = text.flatMap({ Version($0) }) else { throw malformed("weir_version", "no version") }
        if loaded.major != version.major { throw tooNew(loaded) }
    }

    /// Makes sure that Redis has functions this program can use, loading them where they are missing or older.
    package func require() async throws(StoreError) {
        _ = try await load()
    }

    /// Names and flags of the functions Redis has, by name.
    package func list() async throws(StoreError) -> [(name: String, flags: [String])] {
        let reply = try await mapping { () throws(RedisError) in
            try await client.send(RedisCommand("FUNCTION", "LIST", "LIBRARYNAME", "weir"))
        }
        guard let library = reply[0]?.array, let place = library.firstIndex(where: { $0.text == "functions" }),
            let functions = reply[0]?[place + 1]?.array
        else { return [] }
        return functions.compactMap { function in
            guard let values = function.array else { return nil }
            func value(_ name: String) -> RedisValue? {
                values.firstIndex { $0.text == name }.flatMap { function[$0 + 1] }
            }
            guard let name = value("name")?.text else { return nil }
            return (name: name, flags: (value("flags")?.array ?? []).compactMap(\.text))
        }.sorted { $0.name < $1.name }
    }

    private static func tooNew(_ loaded: Version) -> StoreError {
        StoreError(
            .incompatible, store: "redis", operation: "FUNCTION LOAD",
            detail:
                "Redis has version \(loaded) of Weir's functions, this program needs \(version): "
                + (loaded.major > version.major ? "upgrade the program" : "load them with: weir scripts load"))
    }
}
