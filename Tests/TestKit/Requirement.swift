import Glibc
package import Testing

extension Tag {
    /// Talks to real servers or runs the real executable.
    @Tag package static var integration: Self
}

/// A program that some tests cannot do without.
package enum Requirement: String, Sendable {
    case redis = "redis-server"
    case postgres = "PostgreSQL"

    var isMet: Bool {
        switch self {
        case .redis: RedisServer.program != nil
        case .postgres: PostgresServer.programs != nil
        }
    }
}

extension Trait where Self == ConditionTrait {
    /// Skips the test or suite where a server program is missing; with `REQUIRE_INTEGRATION=1` it runs, and fails.
    package static func needs(_ requirements: Requirement...) -> Self {
        let missing = requirements.filter { !$0.isMet }.map(\.rawValue)
        return .enabled(
            if: missing.isEmpty || environmentVariable("REQUIRE_INTEGRATION") == "1",
            "not installed: \(missing.joined(separator: ", ")) (./dev setup)")
    }
}

/// The full path of a program in `PATH` or in one of `folders`.
func findProgram(_ name: String, alsoIn folders: [String] = []) -> String? {
    let path = (environmentVariable("PATH") ?? "").split(separator: ":").map(String.init)
    return (path + folders).map { "\($0)/\(name)" }.first(where: isExecutable)
}

private func isExecutable(_ path: String) -> Bool { access(path, X_OK) == 0 }
