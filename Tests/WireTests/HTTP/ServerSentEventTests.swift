import Testing
import Wire

@Suite("Server-sent events") struct ServerSentEventTests {
    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test func blocks() {
        #expect(text(ServerSentEvent.encode(Array("{}".utf8))) == "data: {}\n\n")
        #expect(
            text(ServerSentEvent.encode(Array("a\r\nb\n".utf8), name: "update", id: "7-1"))
                == "event: update\nid: 7-1\ndata: a\ndata: b\ndata: \n\n")
        #expect(text(ServerSentEvent.retry(ms: 2_000)) == "retry: 2000\n\n")
        #expect(text(ServerSentEvent.heartbeat) == ": \n\n")
    }
}
