import Testing

@testable import Redis

@Suite("Redis command")
struct RedisCommandTests {
    private func wire(_ command: RedisCommand) -> String {
        var bytes: [UInt8] = []
        command.encode(into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func argumentsOfAllKindsAreEncoded() {
        var command = RedisCommand("SET")
        command.append("clé")
        command.append([0x61, 0x0d, 0x0a] as [UInt8])
        command.append(([0x62, 0x63, 0x64] as [UInt8])[1...])
        command.append("" as StaticString)
        command.append(([0x65] as [UInt8]).span.bytes)
        #expect(wire(command) == "*6\r\n$3\r\nSET\r\n$4\r\nclé\r\n$3\r\na\r\n\r\n$2\r\ncd\r\n$0\r\n\r\n$1\r\ne\r\n")
    }

    @Test(arguments: [0, 7, -1, 10, 999, -1000, Int.max, Int.min])
    func numbersAreDecimal(number: Int) {
        var command = RedisCommand("X")
        command.append(number)
        #expect(wire(command) == "*2\r\n$1\r\nX\r\n$\("\(number)".utf8.count)\r\n\(number)\r\n")
    }

    @Test func aFunctionCallCarriesItsKeys() {
        let command = RedisCommand(function: "weir_apply", keys: ["a", "b"], readOnly: true)
        #expect(wire(command) == wire(RedisCommand("FCALL_RO", "weir_apply", "2", "a", "b")))
        #expect(command.operation.description == "weir_apply")
    }
}
