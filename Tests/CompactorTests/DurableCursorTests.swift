import Analytics
import Testing

@testable import Compactor

@Suite("Durable cursor")
struct DurableCursorTests {
    private let second: UInt64 = 1_000_000_000

    private func id(_ ms: UInt64) -> StreamID { StreamID(ms: ms, sequence: 0) }

    @Test func aVersionIsDurableAWhileAfterACursorThatReachesItWasSeen() {
        var durable = DurableCursor(settling: .seconds(2))
        #expect(durable.durableNs(.zero) == nil && durable.durable(atNs: 9 * second) == .zero)
        durable.saw(id(5), atNs: 10 * second)
        durable.saw(id(8), atNs: 11 * second)
        #expect(durable.durableNs(id(5)) == 12 * second && durable.durableNs(id(6)) == 13 * second)
        #expect(durable.durableNs(id(9)) == nil)
        #expect(durable.durable(atNs: 12 * second - 1) == .zero)
        #expect(durable.durable(atNs: 12 * second) == id(5))
        #expect(durable.durable(atNs: 13 * second) == id(8))
    }

    @Test func theFirstSightingOfACursorCounts() {
        var durable = DurableCursor(settling: .seconds(2))
        durable.saw(id(5), atNs: 10 * second)
        for at in 11...20 { durable.saw(id(5), atNs: UInt64(at) * second) }
        #expect(durable.durableNs(id(5)) == 12 * second)
    }

    @Test func oldSightingsAreForgottenButForTheNewestThatIsDurable() {
        var durable = DurableCursor(settling: .seconds(2))
        for at in 1...100 { durable.saw(id(UInt64(at)), atNs: UInt64(at) * second) }
        #expect(durable.durableNs(id(1)) == 100 * second, "a later sighting stands for it")
        #expect(durable.durable(atNs: 100 * second) == id(98))
        #expect(durable.durableNs(id(99)) == 101 * second)
    }

    @Test func withoutSettlingWhatWasSeenIsDurable() {
        var durable = DurableCursor(settling: .zero)
        durable.saw(id(5), atNs: 10)
        #expect(durable.durableNs(id(4)) == 10 && durable.durable(atNs: 10) == id(5))
    }
}
