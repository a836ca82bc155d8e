import TestKit
import Testing
import Wire

/// Reads the values that `MessagePack` writes, by the specification and nothing else.
private struct MessagePackReader {
    enum Value: Equatable { case integer(Int64), string([UInt8]), array([Value]) }

    var bytes: ArraySlice<UInt8>

    mutating func value() throws -> Value {
        let next = bytes.popFirst()
        let head = try #require(next)
        switch head {
        case 0...0x7F: return .integer(Int64(head))
        case 0xE0...0xFF: return .integer(Int64(Int8(bitPattern: head)))
        case 0xA0...0xBF: return .string(try take(Int(head & 31)))
        case 0xCC: return .integer(Int64(try number(1)))
        case 0xCD: return .integer(Int64(try number(2)))
        case 0xCE: return .integer(Int64(try number(4)))
        case 0xD3: return .integer(Int64(bitPattern: try number(8)))
        case 0xD9: return .string(try take(Int(try number(1))))
        case 0xDA: return .string(try take(Int(try number(2))))
        case 0xDB: return .string(try take(Int(try number(4))))
        case 0xDD: return .array(try (0..<(try number(4))).map { _ in try value() })
        default: throw TestKitError("unexpected head \(head)")
        }
    }

    private mutating func number(_ count: Int) throws -> UInt64 { try take(count).reduce(0) { $0 << 8 | UInt64($1) } }

    private mutating func take(_ count: Int) throws -> [UInt8] {
        try #require(bytes.count >= count)
        defer { bytes = bytes.dropFirst(count) }
        return Array(bytes.prefix(count))
    }
}

@Suite("MessagePack")
struct MessagePackTests {
    @Test(
        "integers of every size come back",
        arguments: [
            0, 1, 127, 128, 255, 256, 65_535, 65_536, 4_294_967_295, 4_294_967_296, .max, -1, -32, -33, -128, -129,
            .min,
        ] as [Int64])
    func integersComeBack(number: Int64) throws {
        var pack = MessagePack()
        pack.append(number)
        var reader = MessagePackReader(bytes: pack.bytes[...])
        #expect(try reader.value() == .integer(number))
        #expect(reader.bytes.isEmpty)
    }

    @Test("texts of every length come back", arguments: [0, 1, 31, 32, 255, 256, 65_535, 65_536])
    func textsComeBack(length: Int) throws {
        var pack = MessagePack()
        pack.beginArray(3)
        pack.append(Array(repeating: 0xFF, count: length))
        pack.append(String(repeating: "x", count: length))
        pack.append("é")
        var reader = MessagePackReader(bytes: pack.bytes[...])
        let bytes = Array(repeating: UInt8(0xFF), count: length)
        let text = Array(repeating: UInt8(ascii: "x"), count: length)
        #expect(try reader.value() == .array([.string(bytes), .string(text), .string([0xC3, 0xA9])]))
        #expect(reader.bytes.isEmpty)
    }
}
