import Analytics
import Testing

@testable import Front

@Suite("Follower machine")
struct FollowerMachineTests {
    private func id(_ ms: UInt64) -> StreamID { StreamID(ms: ms, sequence: 0) }

    private func batch(_ from: UInt64, _ to: UInt64, isEmpty: Bool = false) -> LiveBatch {
        LiveBatch(
            position: id(to), from: id(from), to: id(to), definitionsVersion: 1, newestMs: 0, newSeries: [],
            deltas: isEmpty ? [] : [.init(series: 0, second: 0, record: [])])
    }

    /// Read in two parts, at cursors 5 and 7.
    private func rebuilt() -> FollowerMachine {
        var machine = FollowerMachine()
        machine.begin(position: id(4))
        let isRead = [
            machine.read(numbersBelow: 10, cursor: id(5)), machine.read(numbersBelow: 20, cursor: id(7)),
        ]
        #expect(isRead == [true, true])
        machine.loaded()
        return machine
    }

    private func take(
        _ batch: LiveBatch, _ machine: inout FollowerMachine, is expected: FollowerMachine.Verdict,
        at location: SourceLocation = #_sourceLocation
    ) {
        let verdict = machine.take(batch)
        #expect(verdict == expected, sourceLocation: location)
    }

    @Test func batchesUpToTheReadAreKnownAndThoseBehindItNew() {
        var machine = rebuilt()
        #expect(machine.phase == .catchingUp)
        take(batch(3, 5), &machine, is: .known)
        take(batch(5, 7), &machine, is: .new)
        #expect(machine.hasRead(number: 15, to: id(7)) && !machine.hasRead(number: 5, to: id(7)))
        machine.settle()
        #expect(machine.phase == .current)
        take(batch(7, 7, isEmpty: true), &machine, is: .known)
        take(batch(7, 9), &machine, is: .new)
        #expect(machine.reached == id(9))
    }

    @Test func aMissingBatchIsAGap() {
        var machine = rebuilt()
        take(batch(6, 9), &machine, is: .gap)
        #expect(machine.phase == .away)
        machine = rebuilt()
        take(batch(5, 7), &machine, is: .new)
        take(batch(8, 9), &machine, is: .gap)
    }

    @Test func aBatchFromBeforeWhatWasReadTellsThatTheStoreWentBack() {
        var machine = rebuilt()
        take(batch(3, 9), &machine, is: .gap)
        #expect(machine.phase == .away, "before the first one is linked")
        machine = rebuilt()
        take(batch(5, 7), &machine, is: .new)
        take(batch(6, 9), &machine, is: .gap)
    }

    @Test func aBatchThatPassesOverWhatWasReadTellsThatTheStoreWentBack() {
        var machine = rebuilt()
        take(batch(5, 8), &machine, is: .gap)
        machine = rebuilt()
        take(batch(5, 7), &machine, is: .new)
        for cursor in [UInt64(6), 9, 9, 11] { machine.saw(id(cursor)) }
        take(batch(7, 9), &machine, is: .new)
        take(batch(9, 10), &machine, is: .new)
        take(batch(10, 12), &machine, is: .gap)
        #expect(machine.phase == .away)
    }

    @Test func aReadThatWentBackBeginsAnew() {
        var machine = FollowerMachine()
        machine.begin(position: id(4))
        let isRead = [
            machine.read(numbersBelow: 10, cursor: id(5)), machine.read(numbersBelow: 20, cursor: id(4)),
        ]
        #expect(isRead == [true, false])
        #expect(machine.phase == .away)
    }
}
