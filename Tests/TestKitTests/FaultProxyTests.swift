import TestKit
import Testing

@Suite("A failing network", .tags(.integration), .needs(.redis), .timeLimit(.minutes(1)))
struct FaultProxyTests {
    let redis: RedisServer
    let proxy: FaultProxy

    init() async throws {
        redis = try await RedisServer.start()
        proxy = try FaultProxy(to: redis.address)
    }

    @Test func passesBytesBothWays() async throws {
        let socket = try TestSocket(to: proxy.address)
        let value = String(repeating: "v", count: 3_000_000)
        try await socket.send(
            "SET k \(value.prefix(10))\r\n*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$\(value.utf8.count)\r\n\(value)\r\n")
        #expect(try await socket.receiveLine() == "+OK")
        #expect(try await socket.receiveLine() == "+OK")
        try await socket.send("GET b\r\n")
        #expect(try await socket.receiveLine() == "$\(value.utf8.count)")
        #expect(try await socket.receive(count: value.utf8.count) == Array(value.utf8))
        #expect(proxy.acceptedCount == 1)
    }

    @Test func stalledBytesArriveLater() async throws {
        let socket = try TestSocket(to: proxy.address)
        try await proxy.set(.stall)
        try await socket.send("PING\r\n")
        await #expect(throws: TestKitError.self) { try await socket.receive(count: 1, within: .milliseconds(50)) }
        try await proxy.set(.pass)
        #expect(try await socket.receiveLine() == "+PONG")
    }

    @Test func heldBackRepliesBelongToCommandsThatRan() async throws {
        let socket = try TestSocket(to: proxy.address)
        try await proxy.set(.stallReplies)
        try await socket.send("INCR n\r\n")
        let probe = try await redis.connect()
        try await eventually("the command ran") { try await probe.command("GET", "n") == .text("1") }
        try await proxy.cut()
        await #expect(throws: TestKitError.self) { try await socket.receive(count: 1) }
    }

    @Test func refusesAndTakesUpAgain() async throws {
        let open = try TestSocket(to: proxy.address)
        try await proxy.set(.refuse)
        await #expect(throws: TestKitError.self) { try await open.receive(count: 1) }
        #expect(throws: TestKitError.self) { try TestSocket(to: proxy.address) }
        try await proxy.set(.pass)
        let again = try TestSocket(to: proxy.address)
        try await again.send("PING\r\n")
        #expect(try await again.receiveLine() == "+PONG")
    }
}
