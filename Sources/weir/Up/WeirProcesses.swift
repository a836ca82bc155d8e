import Glibc
import Reactor
import Service

/// Our own processes, as `weir up` runs them: from the same executable, with the addresses of the private stores.
struct WeirProcesses: Sendable {
    /// Where the dashboard is.
    let url: String
    private let settings: Settings
    private let addresses: ListenAddresses
    private let console: UpConsole
    private let executable: String
    private let environment: [String: String]

    init(
        _ settings: Settings, addresses: ListenAddresses, redisURL: String, postgresURL: String, console: UpConsole
    ) throws(StartError) {
        self.settings = settings
        self.addresses = addresses
        self.console = console
        executable = try Self.ownExecutable()
        url = "http://\(Self.reachable(addresses.serve))"
        var environment = processEnvironment()
        for name in ["WEIR_REDIS_URL", "WEIR_POSTGRES_URL"] where environment[name] != nil {
            console.report("\(name) is not used: weir up has stores of its own")
        }
        environment["WEIR_REDIS_URL"] = redisURL
        environment["WEIR_POSTGRES_URL"] = postgresURL
        environment["WEIR_URL"] = url
        environment["WEIR_LISTEN"] = nil
        environment["WEIR_CONFIG"] = settings[StandardSettings.configuration]
        environment["WEIR_TOKENS"] = settings[ServeCommand.tokens]
        if let path = settings[ServeCommand.tokens], environment["WEIR_TOKEN"] == nil, !settings[UpCommand.noGenerate] {
            environment["WEIR_TOKEN"] = try Self.ingestToken(in: path)
        }
        self.environment = environment
    }

    var migrate: ChildSpecification { once("migrate") }
    var loadScripts: ChildSpecification { once("scripts", "load") }

    var work: Supervisor.Plan {
        plan("work", ["--listen", "\(addresses.work)"], stopsWithin: .milliseconds(6_500))
    }

    var compact: Supervisor.Plan { plan("compact", ["--every", "60s"], stopsWithin: .milliseconds(5_000)) }

    var serve: Supervisor.Plan {
        var options = ["--listen", "\(addresses.serve)"]
        if settings[ServeCommand.insecure] { options.append("--insecure") }
        var plan = plan("serve", options, stopsWithin: .milliseconds(4_000))
        let address = Self.reachable(addresses.serve)
        let request = "GET /readyz HTTP/1.1\r\nHost: \(address)\r\nConnection: close\r\n\r\n"
        plan.isReady = { _ in
            await LocalSocket.ask(.tcp(host: address.host, port: address.port), request)?.hasPrefix("HTTP/1.1 200")
                ?? false
        }
        return plan
    }

    var generate: Supervisor.Plan {
        let options = ["--listen", "\(addresses.generate)", "--rate", "\(settings[GenerateCommand.rate])"]
        return plan("generate", options, stopsWithin: .milliseconds(1_000))
    }

    private func plan(_ name: String, _ options: [String], stopsWithin: Duration) -> Supervisor.Plan {
        Supervisor.Plan(
            name: name, specification: specification([name] + options),
            receive: { [console] in console.pass($0, from: name) }, stopsWithin: stopsWithin)
    }

    private func once(_ words: String...) -> ChildSpecification {
        var specification = specification(words)
        let name = words.joined(separator: " ")
        // What they print when all is well is for those who run them by hand.
        specification.output = .discard
        specification.errors = .lines { [console] in console.pass($0, from: name) }
        return specification
    }

    private func specification(_ words: [String]) -> ChildSpecification {
        var specification = ChildSpecification([executable] + words + console.childOptions)
        specification.environment = environment
        return specification
    }

    /// Where a local client finds a server that listens on `address`.
    private static func reachable(_ address: HostPort) -> HostPort {
        switch address.host {
        case "", "0.0.0.0": HostPort(host: "127.0.0.1", port: address.port)
        case "::": HostPort(host: "::1", port: address.port)
        default: address
        }
    }

    private static func ownExecutable() throws(StartError) -> String {
        if let path = absolutePath("/proc/self/exe") { return path }
        throw StartError(.unavailable, "our own executable is not to be found by /proc/self/exe: is /proc mounted?")
    }

    /// The first token of a file that lets the generator send events; `serve` judges the file as a whole.
    private static func ingestToken(in path: String) throws(StartError) -> String? {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try readFile(path)
        } catch {
            throw StartError(.configuration, "--tokens: \(error)")
        }
        let entries = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map { $0.split(separator: " ") }
        let fitting = entries.filter { $0.count == 2 && ["ingest", "admin"].contains($0[0]) }
        guard let token = fitting.first?[1] else {
            throw StartError(
                .configuration,
                "--tokens: \(path) has no token of scope ingest, which the generator needs: add one, or give --no-generate"
            )
        }
        return String(token)
    }
}
