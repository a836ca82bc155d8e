import Testing

@testable import Redis

@Suite("Reply reader")
struct ReplyReaderTests {
    private static let stream =
        "+OK\r\n:-42\r\n$5\r\na\r\nbc\r\n$0\r\n\r\n$-1\r\n*0\r\n*-1\r\n-ERR no such thing\r\n"
        + "*2\r\n*2\r\n$1\r\nk\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n:7\r\n*1\r\n*0\r\n"
    private static let values: [RedisValue] = [
        .status("OK"), .integer(-42), .bulk(Array("a\r\nbc".utf8)), .bulk([]), .null, .array([]), .null,
        .error("ERR no such thing"),
        .array([
            .array([
                .bulk([0x6b]), .array([.array([.bulk(Array("1-0".utf8)), .array([.bulk([0x66]), .bulk([0x76])])])]),
            ]),
            .integer(7),
        ]),
        .array([.array([])]),
    ]

    private func read(_ pieces: [ArraySlice<UInt8>]) throws -> [RedisValue] {
        let reader = ReplyReader()
        var values: [RedisValue] = []
        for piece in pieces {
            try piece.withUnsafeBytes { try reader.feed($0) }
            while let value = try reader.next() { values.append(value) }
        }
        return values
    }

    @Test func repliesAreTheSameHoweverTheyAreCut() throws {
        let bytes = Array(Self.stream.utf8)
        #expect(try read([bytes[...]]) == Self.values)
        for cut in 1..<bytes.count { #expect(try read([bytes[..<cut], bytes[cut...]]) == Self.values) }
        #expect(try read(bytes.indices.map { bytes[$0...$0] }) == Self.values)
    }

    @Test func stringsThatComeAgainAreStillThemselves() throws {
        let texts = (0..<3_000).map { "field-\($0 % 700)\(String(repeating: "x", count: $0 % 37))" }
        let wire = texts.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
        #expect(try read([Array(wire.utf8)[...]]) == texts.map { .bulk(Array($0.utf8)) })
    }

    @Test(arguments: ["HTTP/1.1 400 Bad Request\r\n", ":x\r\n", "$-5\r\n", "*2\r\n?\r\n"])
    func whatIsNoReplyIsMalformed(text: String) {
        #expect {
            try read([Array(text.utf8)[...]])
        } throws: {
            ($0 as? RedisError)?.code == .malformedReply
        }
    }

    @Test func valuesReadAsWhatTheyMean() {
        #expect(RedisValue.bulk(Array("12".utf8)).integer == 12)
        #expect(RedisValue.bulk([0xff]).text == nil)
        #expect(RedisValue.integer(3).text == "3")
        #expect(RedisValue.array([.null])[0]?.isNull == true)
        #expect(RedisValue.array([.null])[1] == nil)
    }
}
