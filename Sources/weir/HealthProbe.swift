import Reactor
import Service
import WebClient
import Wire

/// Asks the process on this machine for its health, as a container's HEALTHCHECK does: exit 0 or 1, within a few seconds.
struct HealthProbe: Sendable {
    /// Those of serve, work and generate, of which a container runs one.
    private static let usualPorts: [UInt16] = [8080, 8081, 8082]

    private let places: [HostPort]
    private let isNamed: Bool
    private let timeout: Duration
    private let loop: EventLoop

    init(_ settings: Settings, loop: EventLoop) {
        let listen = settings[DoctorCommand.listen]
        isNamed = listen != nil
        places = listen.map { [Self.reachable($0)] } ?? Self.usualPorts.map { HostPort(host: "127.0.0.1", port: $0) }
        timeout = min(settings[DoctorCommand.timeout], .seconds(5))
        self.loop = loop
    }

    /// Who listens on all addresses is asked on one that leads here.
    static func reachable(_ address: HostPort) -> HostPort {
        switch address.host {
        case "", "0.0.0.0": HostPort(host: "127.0.0.1", port: address.port)
        case "::": HostPort(host: "::1", port: address.port)
        default: address
        }
    }

    /// The first that listens decides.
    func run(_ health: DoctorCommand.Health) async -> ExitCode {
        for place in places {
            var configuration = HTTPClientConfiguration()
            configuration.timeout = timeout
            configuration.connectTimeout = timeout
            let client = HTTPClient(
                loop: loop, endpoint: HTTPEndpoint(.tcp(host: place.host, port: place.port)),
                configuration: configuration)
            do {
                let answer = try await client.send(HTTPClientRequest(.get, health.path))
                let words = answer.text.split(whereSeparator: \.isNewline).joined(separator: "; ")
                guard answer.status.code == 200 else {
                    say("FAIL  \(place)\(health.path) answers \(answer.status.code): \(words)")
                    return .failure
                }
                say("OK    \(place)\(health.path)")
                return .success
            } catch  where error.code == .unreachable && !isNamed {
                continue
            } catch {
                say("FAIL  \(place)\(health.path): \(error)")
                return .failure
            }
        }
        say(
            "FAIL  nothing listens on \(places.map(\.description).joined(separator: ", ")): name the process's address by "
                + "--listen or WEIR_LISTEN")
        return .failure
    }
}
