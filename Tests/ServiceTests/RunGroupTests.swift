import TestKit
import Testing

@testable import Service

@Suite("Run group's machine") struct RunGroupMachineTests {
    private func running(_ deadlines: [Duration], total: Duration = .seconds(10)) -> RunGroupMachine {
        var machine = RunGroupMachine(parts: deadlines.map { .init(deadline: $0, endsGroup: true) }, total: total)
        var actions = machine.begin()
        for index in deadlines.indices {
            #expect(actions == [.start(index)])
            actions = machine.handle(.started(index), nowNs: 0)
        }
        #expect(actions.isEmpty)
        return machine
    }

    @Test func stopsInReverseOrderOneByOne() {
        var machine = running([.seconds(1), .seconds(2), .seconds(3)])
        #expect(machine.handle(.stopAsked, nowNs: 0) == [.cancel(2, deadline: .seconds(3))])
        #expect(machine.handle(.stopAsked, nowNs: 0) == [])
        #expect(machine.handle(.ended(0, failure: nil), nowNs: 0) == [])
        #expect(machine.handle(.ended(2, failure: nil), nowNs: 0) == [.cancel(1, deadline: .seconds(2))])
        #expect(machine.handle(.deadline(2), nowNs: 0) == [])
        #expect(machine.handle(.ended(1, failure: nil), nowNs: 0) == [.finish(.success)])
    }

    @Test func aPartThatDoesNotStopIsGivenUpAndFailsTheProcess() {
        var machine = running([.seconds(1), .seconds(2)])
        _ = machine.handle(.stopAsked, nowNs: 0)
        #expect(machine.handle(.deadline(1), nowNs: 2_000_000_000) == [.giveUp(1), .cancel(0, deadline: .seconds(1))])
        #expect(machine.handle(.ended(1, failure: nil), nowNs: 0) == [])
        #expect(machine.handle(.ended(0, failure: nil), nowNs: 0) == [.finish(.failure)])
    }

    @Test func allTogetherHaveTheTotal() {
        var machine = running([.seconds(8), .seconds(8)], total: .seconds(10))
        #expect(machine.handle(.stopAsked, nowNs: 5_000_000_000) == [.cancel(1, deadline: .seconds(8))])
        #expect(
            machine.handle(.deadline(1), nowNs: 13_000_000_000) == [.giveUp(1), .cancel(0, deadline: .seconds(2))])
        var late = running([.seconds(8), .seconds(8)], total: .seconds(1))
        _ = late.handle(.stopAsked, nowNs: 0)
        #expect(late.handle(.deadline(1), nowNs: 3_000_000_000) == [.giveUp(1), .cancel(0, deadline: .zero)])
    }

    @Test func aFailureStopsTheOthersAndItsCodeIsKept() {
        var machine = running([.seconds(1), .seconds(1), .seconds(1)])
        #expect(machine.handle(.ended(1, failure: .unavailable), nowNs: 0) == [.cancel(2, deadline: .seconds(1))])
        #expect(
            machine.handle(.ended(2, failure: .software), nowNs: 0) == [.cancel(0, deadline: .seconds(1))])
        #expect(machine.handle(.ended(0, failure: nil), nowNs: 0) == [.finish(.unavailable)])
    }

    @Test func aStopWhileStartingStartsNoMore() {
        var machine = RunGroupMachine(
            parts: Array(repeating: .init(deadline: .seconds(1), endsGroup: true), count: 3), total: .seconds(10))
        _ = machine.begin()
        #expect(machine.handle(.started(0), nowNs: 0) == [.start(1)])
        #expect(machine.handle(.stopAsked, nowNs: 0) == [.cancel(1, deadline: .seconds(1))])
        #expect(machine.handle(.started(1), nowNs: 0) == [])
        #expect(machine.handle(.ended(1, failure: nil), nowNs: 0) == [.cancel(0, deadline: .seconds(1))])
    }

    @Test func aPartThatMayEndDoesNotStopTheOthers() {
        var machine = RunGroupMachine(
            parts: [.init(deadline: .seconds(1), endsGroup: false), .init(deadline: .seconds(1), endsGroup: false)],
            total: .seconds(10))
        _ = machine.begin()
        #expect(machine.handle(.ended(0, failure: nil), nowNs: 0) == [.finish(.success)])
        var both = RunGroupMachine(
            parts: [.init(deadline: .seconds(1), endsGroup: false), .init(deadline: .seconds(1), endsGroup: false)],
            total: .seconds(10))
        _ = both.begin()
        _ = both.handle(.started(0), nowNs: 0)
        _ = both.handle(.started(1), nowNs: 0)
        #expect(both.handle(.ended(1, failure: nil), nowNs: 0) == [])
        #expect(both.handle(.ended(0, failure: nil), nowNs: 0) == [.finish(.success)])
    }
}

@Suite("Run group", .timeLimit(.minutes(1))) struct RunGroupTests {
    private let records = Lock<[LogRecord]>([])
    private let order = Lock<[String]>([])

    private var group: RunGroup {
        RunGroup(
            logger: Logger(process: "test", level: .debug) { [records] record in records.withLock { $0.append(record) }
            })
    }

    private func note(_ text: String) { order.withLock { $0.append(text) } }

    /// Runs until cancelled and notes its start and its end.
    private func part(_ name: String, started: @escaping @Sendable () -> Void = {}) -> RunPart {
        RunPart(
            name, start: { note("start \(name)") },
            run: {
                started()
                try? await Task.sleep(for: .seconds(3_600))
                note("stop \(name)")
            })
    }

    @Test func startsInOrderAndStopsInReverse() async {
        let group = group
        let code = await group.run([part("a"), part("b"), part("c") { group.stop("SIGTERM") }])
        #expect(code == .success)
        #expect(order.withLock { $0 } == ["start a", "start b", "start c", "stop c", "stop b", "stop a"])
        #expect(records.withLock { $0.contains { $0.level == .notice && $0.fields["reason"] == "SIGTERM" } })
    }

    @Test func aFailingPartStopsTheOthersWithItsCode() async {
        struct Unreachable: ExitCodeError { let exitCode = ExitCode.unavailable }
        let code = await group.run([part("a"), RunPart("b", run: { throw Unreachable() }), part("c")])
        #expect(code == .unavailable)
        #expect(order.withLock { $0.filter { $0.hasPrefix("stop") } }.last == "stop a")
        #expect(records.withLock { $0.contains { $0.level == .error && $0.fields["part"] == "b" } })
    }

    @Test func aPartThatCannotStartKeepsTheNextFromStarting() async {
        struct Refused: Error {}
        let code = await group.run([part("a"), RunPart("b", start: { throw Refused() }, run: {}), part("c")])
        #expect(code == .failure)
        #expect(order.withLock { $0 } == ["start a", "stop a"])
    }

    @Test func aPartThatDoesNotStopIsNamedAndLeftBehind() async {
        let group = group
        let forever = RunPart(
            "stuck", deadline: .milliseconds(20),
            run: {
                group.stop("test")
                await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
            })
        #expect(await group.run([part("a"), forever]) == .failure)
        #expect(order.withLock { $0 } == ["start a", "stop a"])
        #expect(records.withLock { $0.contains { $0.level == .error && $0.fields["part"] == "stuck" } })
    }

    @Test func aStopBeforeTheRunIsNotLost() async {
        let group = group
        group.stop("early")
        #expect(await group.run([part("a")]) == .success)
    }

    @Test func nothingToRunIsSuccess() async { #expect(await group.run([]) == .success) }

    @Test func cancellationIsNoFailure() async {
        let group = group
        let polite = RunPart(
            "a",
            run: {
                group.stop("test")
                try await Task.sleep(for: .seconds(3_600))
            })
        #expect(await group.run([polite]) == .success)
    }
}
