import Service
import Testing

@Suite("Secrets from files") struct SecretFilesTests {
    private struct NoFile: Error, CustomStringConvertible { let description: String }

    private func read(_ environment: [String: String]) throws -> [String: String] {
        guard case .run(let invocation) = try Fixture.program.request(["serve"]) else { return [:] }
        return try invocation.readingSecretFiles(environment) { path in
            switch path {
            case "/run/secrets/redis": Array(" redis://:p@redis:6379\n\n".utf8)
            case "/run/secrets/empty": Array("\n".utf8)
            default: throw NoFile(description: "\(path): no such file")
            }
        }
    }

    @Test func aSecretStandsInTheFileThatItsVariableNames() throws {
        let environment = ["WEIR_REDIS_URL_FILE": "/run/secrets/redis", "WEIR_TOKEN_FILE": "", "WEIR_TOKEN": "t"]
        let read = try read(environment)
        #expect(read["WEIR_REDIS_URL"] == "redis://:p@redis:6379")
        #expect(read["WEIR_TOKEN"] == "t", "an empty variable counts as not set")
        let settings = try Fixture.program.parse(["serve"], environment: read)
        #expect(settings[Fixture.redis] == "redis://:p@redis:6379")
        #expect(settings.summary.contains("redis-url = *** (WEIR_REDIS_URL)"))
    }

    @Test func onlySecretsStandInFiles() throws {
        #expect(try read(["WEIR_PARTITIONS_FILE": "/nowhere"])["WEIR_PARTITIONS"] == nil)
    }

    @Test func allThatIsWrongIsNamed() throws {
        let expected = [
            "weir: WEIR_REDIS_URL_FILE: WEIR_REDIS_URL is set too, and only one of them can count; unset the other",
            "weir: WEIR_TOKEN_FILE: /nowhere: no such file",
        ]
        let environment = [
            "WEIR_REDIS_URL_FILE": "/run/secrets/redis", "WEIR_REDIS_URL": "redis://x", "WEIR_TOKEN_FILE": "/nowhere",
        ]
        #expect(throws: UsageError(.configuration, expected)) { try read(environment) }
        let empty = "weir: WEIR_TOKEN_FILE: /run/secrets/empty is empty; the value of WEIR_TOKEN is to stand in it"
        #expect(throws: UsageError(.configuration, [empty])) { try read(["WEIR_TOKEN_FILE": "/run/secrets/empty"]) }
    }
}
