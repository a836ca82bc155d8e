import Front
import Reactor
import Service
import WebServer

/// Health and metrics of a process that serves nothing else.
enum OperationServer {
    /// The part of a run group that serves them on `address`.
    static func part(
        on address: HostPort, loop: EventLoop, registry: MetricsRegistry, logger: Logger,
        unreadyReasons: @escaping @Sendable () async -> [String]
    ) -> RunPart {
        var router = Router()
        OperationRoutes.add(to: &router, registry: registry, unreadyReasons: unreadyReasons)
        let server = HTTPServer(loop: loop, handler: router, logger: logger)
        return serverPart("operations", server, on: address, logger: logger)
    }
}

/// The part of a run group that listens on `address`, and drains before it ends.
///
/// - Parameters:
///   - name: of the part, for the log.
///   - server: not yet listening.
///   - address: where to listen.
///   - logger: told the address.
///   - drain: how long everything is still answered after the process was asked to stop; 0 to 5 s.
///   - onDrain: called when that begins.
/// - Returns: the part.
func serverPart(
    _ name: String, _ server: HTTPServer, on address: HostPort, logger: Logger, drain: Duration = .zero,
    onDrain: @escaping @Sendable () -> Void = {}
) -> RunPart {
    RunPart(
        name, deadline: .seconds(8), executor: server.loop,
        start: {
            let endpoint = Endpoint.tcp(host: address.host.isEmpty ? "::" : address.host, port: address.port)
            do throws(ReactorError) {
                let bound = try await server.listen(on: endpoint)
                logger.info("listening", ["address": "\(bound)"])
            } catch {
                let isTaken = error.code == .addressInUse
                throw StartError(
                    .unavailable,
                    isTaken
                        ? "\(address) is taken; choose another address with --listen"
                        : "cannot listen on \(address): \(error)")
            }
        },
        run: {
            await waitForCancellation()
            onDrain()
            if drain > .zero {
                logger.info("draining", ["seconds": "\(drain)"])
                await server.loop.pause(drain)
            }
            await server.shutdown(within: .seconds(7) - drain)
        })
}

/// Why a process cannot start, and the exit code that says so.
struct StartError: ExitCodeError, CustomStringConvertible {
    let exitCode: ExitCode
    let description: String

    init(_ exitCode: ExitCode, _ description: String) {
        self.exitCode = exitCode
        self.description = description
    }
}
