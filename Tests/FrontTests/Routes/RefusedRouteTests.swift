import Analytics
import Service
import TestKit
import Testing

@testable import Front

@Suite("Refused events over HTTP", .timeLimit(.minutes(1)))
struct RefusedRouteTests {
    private let front: FrontUnderTest
    private var refused: TwinRefused { front.refused }

    init() async throws { front = try await FrontUnderTest() }

    private func list(_ query: String = "") async throws -> (ids: [String], next: String?) {
        let answer = try await front.client.get("/api/v1/refused?\(query)")
        #expect(answer.status == 200, "\(answer.text)")
        let page = try JSON5.parse(Array(answer.text.utf8))
        return (page["refused"]?.elements?.compactMap { $0["id"]?.string } ?? [], page["next"]?.string)
    }

    private func post(_ action: String, _ body: String) async throws -> (status: Int, text: String) {
        let answer = try await front.client.post("/api/v1/refused/\(action)", body, type: "application/json")
        return (answer.status, answer.text)
    }

    @Test func listsWhatWasRefusedAndWhy() async throws {
        #expect(try await front.client.get("/api/v1/refused").text == #"{"refused":[],"next":null}"# + "\n")
        refused.change { state in
            state.events = [
                RefusedEvent(
                    id: RefusedID(partition: 0, position: StreamID(ms: 5, sequence: 1)), entry: "4-0",
                    reason: "no \"text\"",
                    receivedMs: 77, byteCount: 30, isWhole: false,
                    fields: [Array("a\"".utf8), [0x5C, 0xFF, 0x41, 0x00], Array("ü".utf8), []])
            ]
        }
        #expect(
            try await front.client.get("/api/v1/refused").text
                == #"{"refused":[{"id":"0/5-1","entry":"4-0","reason":"no \"text\"","received":77,"bytes":30,"cut":true,"#
                + #""fields":[["a\"","\\\\\\xffA\\x00"],["ü",""]]}],"next":null}"# + "\n")
    }

    @Test func pagesGoThroughAllPartitions() async throws {
        refused.change { $0.partitionCount = 3 }
        refused.add(25)
        refused.add(2, partition: 2)
        var (ids, next) = try await list("limit=24")
        #expect(ids.count == 24 && next == "0/24-0")
        (ids, next) = try await list("limit=2&after=\(next ?? "")")
        #expect(ids == ["0/25-0", "2/26-0"] && next == "2/26-0")
        (ids, next) = try await list("limit=2&after=\(next ?? "")")
        #expect(ids == ["2/27-0"] && next == nil)
        #expect(try await list("partition=2").ids == ["2/26-0", "2/27-0"])
        #expect(try await list("partition=1").ids.isEmpty)
        #expect(try await front.client.get("/api/v1/refused?partition=3").status == 400)
    }

    @Test func aPageEndsEarlyWhereItIsLong() async throws {
        refused.add(50, fields: ["a", "b"])
        refused.change { state in
            state.events = state.events.map { event in
                RefusedEvent(
                    id: event.id, entry: event.entry, reason: event.reason, receivedMs: 1, byteCount: 65_536,
                    isWhole: true, fields: event.fields)
            }
        }
        let (ids, next) = try await list("limit=1000")
        #expect(ids.count == 16 && next == ids.last)
    }

    @Test func thoseNamedAreRetriedOrDropped() async throws {
        refused.add(3)
        refused.add(1, isWhole: false)
        var answer = try await post("retry", #"{"ids":["0/1-0","0/4-0","0/99-0","7/1-0"]}"#)
        #expect(answer.status == 200 && answer.text == #"{"retried":1,"gone":2,"cut":1}"# + "\n")
        answer = try await post("drop", #"{"ids":["0/2-0","0/1-0"]}"#)
        #expect(answer.status == 200 && answer.text == #"{"dropped":1,"gone":1}"# + "\n")
        #expect(refused.now.events.map(\.id.position.ms) == [3, 4])
        #expect(try await post("drop", #"{"ids":[]}"#).text == #"{"dropped":0,"gone":0}"# + "\n")
    }

    @Test func allAreRetriedOnceThoughTheyAreRefusedAgain() async throws {
        refused.change { state in
            state.partitionCount = 2
            state.refusesAgain = true
        }
        refused.add(130)
        refused.add(5, partition: 1)
        let answer = try await post("retry", #"{"all":true}"#)
        #expect(answer.text == #"{"retried":135,"gone":0,"cut":0}"# + "\n")
        #expect(refused.now.events.count == 135 && refused.now.events.allSatisfy { $0.receivedMs == 78 })
        #expect(try await post("drop", #"{"all":true}"#).text == #"{"dropped":135,"gone":0}"# + "\n")
        #expect(refused.now.events.isEmpty && refused.now.largestCall <= 100)
    }

    @Test func aFullRedisIs503AndSaysWhatWasDone() async throws {
        refused.add(45)
        refused.change { $0.callsLeft = 1 }
        let answer = try await front.client.post(
            "/api/v1/refused/retry", #"{"all":true}"#, type: "application/json")
        #expect(answer.status == 503 && answer["retry-after"] == "1")
        #expect(answer.text.contains("Redis is full") && answer.text.contains("20 events were retried before"))
        #expect(refused.now.events.count == 25)
        refused.change { state in
            state.callsLeft = 0
            state.failure = StoreError(.unavailable, store: "redis", operation: "weir_drop", detail: "gone away")
        }
        let dropped = try await post("drop", #"{"all":true}"#)
        #expect(dropped.status == 503 && dropped.text.contains("gone away"))
    }

    @Test func saysWhatIsWrong() async throws {
        for (query, word) in [
            ("limit=0", "limit"), ("limit=1001", "limit"), ("partition=x", "partition"), ("after=5-1", "after"),
            ("after=0/x", "after"), ("partition=1&after=0/5-1", "after"), ("x=1", "x"), ("limit=1&limit=2", "limit"),
        ] {
            let answer = try await front.client.get("/api/v1/refused?\(query)")
            #expect(answer.status == 400 && answer.text.contains(word), "\(query)")
        }
        for (body, word) in [
            ("", "body"), ("[]", "body"), ("{}", "body"), (#"{"all":false}"#, "all"), (#"{"ids":"0/1-0"}"#, "ids"),
            (#"{"ids":[1]}"#, "a number"), (#"{"ids":["1-0"]}"#, "1-0"), (#"{"all":true,"ids":[]}"#, "body"),
        ] {
            let answer = try await post("drop", body)
            #expect(answer.status == 400 && answer.text.contains(word), "\(body): \(answer.text)")
        }
        let long = try await front.client.post(
            "/api/v1/refused/drop", #"{"all":true}"# + String(repeating: " ", count: 1 << 20), type: "application/json")
        #expect(long.status == 400 && long.text.contains("1 MiB") && long.text.contains("10000"))
        let form = try await front.client.post("/api/v1/refused/drop", #"{"all":true}"#, type: "text/plain")
        #expect(form.status == 415)
        #expect(try await front.client.get("/api/v1/refused/drop").status == 405)
    }
}
