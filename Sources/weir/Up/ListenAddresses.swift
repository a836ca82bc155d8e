import Glibc
import Reactor
import Service

/// The addresses that the parts of an installation listen on, all known to be free when they were chosen.
struct ListenAddresses: Sendable {
    let serve: HostPort
    let work: HostPort
    let generate: HostPort

    /// Looks whether each is free, so that nothing is started in vain; port 0 becomes some free port. A taken one is waited
    /// for as long as `patience`, since the processes of a killed run may be about to end.
    init(_ settings: Settings, patience: Duration) throws(StartError) {
        // All are held until all are there: two of them may be the same.
        var holds: [Hold] = []
        serve = try Self.hold(settings[ServeCommand.listen], "--listen", patience, &holds)
        work = try Self.hold(settings[UpCommand.workListen], "--work-listen", patience, &holds)
        generate =
            settings[UpCommand.noGenerate]
            ? settings[UpCommand.generateListen]
            : try Self.hold(settings[UpCommand.generateListen], "--generate-listen", patience, &holds)
        for (setting, flag) in [(UpCommand.redisPort, "--redis-port"), (UpCommand.postgresPort, "--postgres-port")] {
            guard let port = settings[setting] else { continue }
            _ = try Self.hold(HostPort(host: "127.0.0.1", port: UInt16(port)), flag, patience, &holds)
        }
    }

    private final class Hold {
        let socket: LocalSocket

        init(_ socket: consuming LocalSocket) { self.socket = socket }
    }

    private static func hold(
        _ address: HostPort, _ flag: String, _ patience: Duration, _ holds: inout [Hold]
    ) throws(StartError) -> HostPort {
        let end = ContinuousClock.now + patience
        while true {
            guard let socket = LocalSocket(.tcp(host: address.host, port: address.port)) else {
                throw StartError(.unavailable, "\(address): no such address here; choose another with \(flag)")
            }
            let code = socket.bindAndListen()
            if code == 0 {
                let port = socket.port
                holds.append(Hold(socket))
                return HostPort(host: address.host, port: port)
            }
            guard code == EADDRINUSE, .now < end else { throw refusal(address, flag, code) }
            usleep(100_000)
        }
    }

    private static func refusal(_ address: HostPort, _ flag: String, _ code: Int32) -> StartError {
        let isPortAlone = flag.hasSuffix("-port")
        let example =
            isPortAlone
            ? "\(flag) \(address.port &+ 1)" : "\(flag) \(HostPort(host: address.host, port: address.port &+ 1))"
        if code == EADDRINUSE {
            return StartError(
                .unavailable,
                "port \(address.port) is taken by another process: stop that one, or choose another port, as in \(example)"
            )
        }
        let reason = unsafe String(cString: strerror(code))
        return StartError(.unavailable, "cannot listen on \(address): \(reason); choose another address with \(flag)")
    }
}
