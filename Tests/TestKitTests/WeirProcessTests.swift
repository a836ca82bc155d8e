import TestKit
import Testing

@Suite("The executable, as tests run it", .tags(.integration), .timeLimit(.minutes(1)))
struct WeirProcessTests {
    @Test func standsBesideTheTests() throws {
        #expect(try WeirProcess.executable().hasSuffix("/weir"))
    }
}
