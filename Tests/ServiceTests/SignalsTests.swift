import Glibc
import TestKit
import Testing

@testable import Service

@Suite("Signals") struct SignalsTests {
    private let seen = Lock<[ProcessSignal]>([])
    private let left = Lock<[ExitCode]>([])
    private let happened = Semaphore()

    private func start() -> Signals {
        Signals { [left, happened] code in
            left.withLock { $0.append(code) }
            happened.signal()
        } handler: { [seen, happened] signal in
            seen.withLock { $0.append(signal) }
            happened.signal()
        }
    }

    @Test func eachSignalReachesTheHandlerOnItsThread() {
        let signals = start()
        for signal in [ProcessSignal.hangup, .hangup, .interrupt, .hangup] {
            signals.send(signal)
            #expect(happened.wait(timeout: .seconds(5)))
        }
        #expect(seen.withLock { $0 } == [.hangup, .hangup, .interrupt, .hangup])
        #expect(left.withLock { $0.isEmpty })
    }

    @Test(
        "the second request to stop ends the process at once",
        arguments: [(ProcessSignal.terminate, ExitCode(rawValue: 143)), (.interrupt, ExitCode(rawValue: 130))])
    func secondRequest(second: ProcessSignal, code: ExitCode) {
        let signals = start()
        signals.send(.terminate)
        #expect(happened.wait(timeout: .seconds(5)))
        signals.send(second)
        #expect(happened.wait(timeout: .seconds(5)))
        #expect(left.withLock { $0 } == [code])
    }

    @Test func aSignalToTheWholeProcessIsTakenByTheThread() async {
        await #expect(processExitsWith: .exitCode(42)) {
            // In a process of its own: blocking must come before there are threads that would die of the signal.
            Signals.blockInAllThreads()
            let taken = Semaphore()
            let signals = Signals { _ in
            } handler: { _ in
                taken.signal()
            }
            signals.send(.hangup)
            taken.wait()
            // Writing to a pipe that nobody reads does not end us either.
            var ends: [Int32] = [-1, -1]
            pipe(&ends)
            close(ends[0])
            exit(write(ends[1], "x", 1) == -1 && errno == EPIPE ? 42 : 1)
        }
    }
}
