import Service
import Testing

@Suite("Configuration") struct ConfigurationTests {
    private func parse(
        _ arguments: [String], environment: [String: String] = [:], file: String? = nil
    ) throws -> Settings {
        let configuration = try file.map { try ConfigurationFile(name: "weir.json5", text: Array($0.utf8)) }
        return try Fixture.program.parse(arguments, environment: environment, configuration: configuration)
    }

    @Test func optionBeatsEnvironmentBeatsFileBeatsDefault() throws {
        let file = "{ partitions: 2 }"
        let variable = ["WEIR_PARTITIONS": "3"]
        #expect(try parse(["serve"])[Fixture.partitions] == 1)
        #expect(try parse(["serve"], file: file)[Fixture.partitions] == 2)
        #expect(try parse(["serve"], environment: variable, file: file)[Fixture.partitions] == 3)
        let settings = try parse(["serve", "--partitions", "4"], environment: variable, file: file)
        #expect(settings[Fixture.partitions] == 4)
        #expect(settings.origin(of: Fixture.partitions) == .option)
        #expect(settings.origin(of: Fixture.late) == .builtIn)
    }

    @Test func anEmptyVariableCountsAsNotSet() throws {
        #expect(try parse(["serve"], environment: ["WEIR_PARTITIONS": ""])[Fixture.partitions] == 1)
    }

    @Test func readsEveryKindFromTheFile() throws {
        let settings = try parse(
            ["serve"],
            file: """
                { listen: ":9", late: "1h", retention: { minute: "9d" }, redis_url: "unix:///x", insecure: true,
                  allow_origin: ["a", "b"], limit: 4096, rate: 1.5, metrics: [{ name: "m" }] }
                """)
        #expect(settings[Fixture.listen] == HostPort(host: "", port: 9))
        #expect(settings[Fixture.late] == .seconds(3_600))
        #expect(settings[Fixture.keepMinutes] == .seconds(777_600))
        #expect(settings[Fixture.redis] == "unix:///x")
        #expect(settings[Fixture.insecure])
        #expect(settings[Fixture.origins] == ["a", "b"])
        #expect(settings[Fixture.limit].bytes == 4096)
        #expect(settings.configuration?.root["metrics"]?.elements?.count == 1)
        #expect(try parse(["work"], file: "{ rate: 0x10 }")[Fixture.rate] == 16)
        #expect(try parse(["serve"], environment: ["WEIR_ALLOW_ORIGIN": "a, b"])[Fixture.origins] == ["a", "b"])
    }

    @Test func aCommandsOwnObjectBeatsTheTop() throws {
        let file = "{ listen: ':1', work: { listen: ':2' } }"
        #expect(try parse(["serve"], file: file)[Fixture.listen].port == 1)
        #expect(try parse(["work"], file: file)[Fixture.workListen].port == 2)
    }

    @Test func everyProblemIsReportedWithItsPlace() {
        let file = """
            {
              partition: 1,
              late: 7,
              retention: { minut: "9d" },
              metrics: [
                { name: "a" }, {},
              ],
              rate: -1, redis_url: ["secret"],
              work: { listen: "x" },
              insecure: "yes",
              send: 1,
            }
            """
        let error = #expect(throws: UsageError.self) {
            try parse(["serve"], environment: ["WEIR_PARTITIONS": "many", "WEIR_TOKEN": "s3cret"], file: file)
        }
        #expect(error?.exitCode == .configuration)
        #expect(
            error?.lines == [
                "weir: weir.json5:2:3: partition: no such key; did you mean partitions?",
                "weir: weir.json5:3:9: late: expected a string in quotes, found a number",
                "weir: weir.json5:4:16: retention.minut: no such key; did you mean retention.minute?",
                "weir: weir.json5:6:20: metrics[1]: a metric needs a name",
                "weir: weir.json5:8:9: rate: expected a number, from 0 to 1000000, found '-1'",
                "weir: weir.json5:8:24: redis_url: expected a string in quotes, found an array",
                "weir: weir.json5:9:19: work.listen: expected an address such as 127.0.0.1:8080, [::1]:8080 or :8080, found 'x'",
                "weir: weir.json5:10:13: insecure: expected true or false, found a string",
                "weir: weir.json5:11:9: send: expected an object, found a number",
                "weir: WEIR_PARTITIONS: expected a whole number, from 1 to 1024, found 'many'",
            ])
    }

    @Test func crossChecksNameThePlaceOfTheValue() {
        let error = #expect(throws: UsageError.self) { try parse(["serve"], file: "{\n retention: { minute: '1d' } }") }
        #expect(error?.exitCode == .configuration)
        #expect(
            error?.lines == [
                "weir: weir.json5:2:23: retention.minute: minutes must be kept at least two days longer than late"
            ])
    }

    @Test func secretsAreNeverShown() throws {
        let settings = try parse(
            ["serve", "--token", "s3cret"], environment: ["WEIR_REDIS_URL": "redis://u:s3cret@h:1"])
        #expect(settings[Fixture.token] == "s3cret")
        #expect(!settings.summary.joined().contains("s3cret"))
        #expect(settings.summary.contains("token = *** (option)"))
        #expect(settings.summary.contains("redis-url = *** (WEIR_REDIS_URL)"))
        #expect(try parse(["serve"]).summary.contains("redis-url = redis://127.0.0.1:6379 (default)"))
        #expect(settings.summary.contains("partitions = 1 (default)"))
    }

    @Test func syntaxErrorsNameTheFile() {
        let error = #expect(throws: UsageError.self) {
            try ConfigurationFile(name: "weir.json5", text: Array("{ a: }".utf8))
        }
        #expect(error == UsageError(.configuration, ["weir.json5:1:6: expected a value, found '}'"]))
        let other = #expect(throws: UsageError.self) {
            try ConfigurationFile(name: "weir.json5", text: Array("[]".utf8))
        }
        #expect(other?.lines == ["weir.json5:1:1: expected an object, found an array"])
    }

    @Test func theFileIsNamedByOptionOrVariable() throws {
        func path(_ arguments: [String], _ environment: [String: String]) throws -> String? {
            guard case .run(let invocation) = try Fixture.program.request(arguments) else { return nil }
            return invocation.configurationPath(environment: environment)
        }
        #expect(try path(["serve"], [:]) == nil)
        #expect(try path(["serve"], ["WEIR_CONFIG": "a"]) == "a")
        #expect(try path(["serve", "--config", "b"], ["WEIR_CONFIG": "a"]) == "b")
    }

    @Test func checkConfigurationPrintsAndStops() async throws {
        let result = await #expect(processExitsWith: .exitCode(64), observing: [\.standardErrorContent]) {
            // The process of an exit test has no command of ours on its command line.
            _ = Fixture.program.start()
        }
        #expect(result?.standardErrorContent.isEmpty == false)
    }

    @Test func theEnvironmentOfThisProcessIsRead() {
        #expect(processEnvironment()["PATH"]?.isEmpty == false)
    }
}
