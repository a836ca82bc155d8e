import Analytics
import TestKit
import Testing

@testable import Front

@Suite("Ingest over HTTP", .timeLimit(.minutes(1)))
struct IngestRouteTests {
    private let path = "/api/v1/events"

    @Test func goodLinesAreStoredAndBadOnesListed() async throws {
        let front = try await FrontUnderTest()
        let answer = try await front.client.post(path, "{\"a\":1}\noops\n{\"b\":2}\n")
        #expect(answer.status == 202 && answer["content-type"] == "application/json")
        #expect(answer.text.hasPrefix(#"{"accepted":2,"rejected":1,"errors":[{"line":2,"error":""#))
        #expect(front.log.text == "{\"a\":1}\n{\"b\":2}\n")
        #expect(front.log.calls[0][0].receivedMs == FrontUnderTest.nowMs)
        let array = try await front.client.post(path, #"[{"c":3},{"d":4}]"#, type: "application/json; charset=utf-8")
        #expect(array.text == #"{"accepted":2,"rejected":0,"errors":[]}"#)
    }

    @Test func whereNothingIsGoodNothingIsStored() async throws {
        let front = try await FrontUnderTest()
        let answer = try await front.client.post(path, "nope\n{\"ts\":1}\n")
        #expect(answer.status == 400 && answer["content-type"] == "application/problem+json")
        #expect(answer.text.contains(#""accepted":0,"rejected":2,"errors":[{"line":1"#))
        #expect(answer.text.contains("7 days old"))
        #expect(try await front.client.post(path, "").status == 400)
        #expect(front.log.calls.isEmpty)
    }

    @Test func aRepetitionIsAnsweredAgainAndCountedOnce() async throws {
        let front = try await FrontUnderTest()
        let key = ["Idempotency-Key": "batch 1"]
        let first = try await front.client.post(path, "{\"a\":1}\nx\n", headers: key)
        let again = try await front.client.post(path, "{\"a\":1}\nx\n", headers: key)
        #expect(first.status == 202 && again.status == 202)
        #expect(again.text == first.text.dropLast() + ",\"duplicate\":true}")
        #expect(front.log.eventCount == 1)
        let other = try await front.client.post(path, "{\"a\":2}\n", headers: key)
        #expect(other.status == 422 && front.log.eventCount == 1)
    }

    @Test func refusesWhatTheContractSays() async throws {
        let front = try await FrontUnderTest()
        let client = front.client
        for type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx"] {
            #expect(try await client.post(path, "{}", type: type).status == 415, "\(type)")
        }
        #expect(try await client.send("POST", path, body: Array("{}".utf8)).status == 415)
        #expect(try await client.post(path, "{}", headers: ["Idempotency-Key": ""]).status == 400)
        let long = String(repeating: "k", count: 257)
        #expect(try await client.post(path, "{}", headers: ["Idempotency-Key": long]).status == 400)
        let unknown = try await client.post(path + "?dry=1", "{}")
        #expect(unknown.status == 400 && unknown.text.contains("dry"))
        let get = try await client.get(path)
        #expect(get.status == 405 && get["allow"]?.contains("POST") == true)
        let large = String(repeating: "{\"a\":1}\n", count: 1 << 20) + "\n"
        #expect(try await client.post(path, large).status == 413)
        #expect(front.log.calls.isEmpty)
    }

    @Test func aStoreThatIsAwayIsToldWithTheTimeToWait() async throws {
        let front = try await FrontUnderTest()
        front.log.fail(
            StoreError(.timedOut, store: "redis", operation: "append", detail: "no answer in 5 s", mayHaveRun: true))
        let answer = try await front.client.post(path, "{\"a\":1}")
        #expect(answer.status == 503 && answer["retry-after"] == "1")
        #expect(answer.text.contains("no answer in 5 s") && answer.text.contains("Idempotency-Key"))
        front.log.fail(StoreError(.full, store: "redis", operation: "append", detail: "out of memory"))
        #expect(try await front.client.post(path, "{\"a\":1}")["retry-after"] == "5")
    }

    @Test func moreThanMayWaitIs429() async throws {
        let front = try await FrontUnderTest(maxWaitingBytes: 10)
        let answer = try await front.client.post(path, "{\"a\":\"more than ten bytes\"}")
        #expect(answer.status == 429 && answer["retry-after"] == "1")
    }

    @Test func countsWhatItDid() async throws {
        let front = try await FrontUnderTest()
        _ = try await front.client.post(path, "{}\nno\n{}\n")
        _ = try await front.client.post(path, "no\n")
        let metrics = try await front.client.get("/metrics").text
        for line in [
            #"weir_ingest_events_total{outcome="accepted"} 2"#, #"weir_ingest_events_total{outcome="rejected"} 2"#,
            #"weir_ingest_requests_total{outcome="accepted"} 1"#, #"weir_ingest_requests_total{outcome="refused"} 1"#,
            "weir_ingest_append_seconds_count 1",
        ] {
            #expect(metrics.contains(line + "\n"), "\(line)")
        }
    }

    @Test func bodiesOfTheSameLengthHaveOtherFingerprints() {
        let bodies = ["", "a", "b", "12345678", "12345679", "22345678", "12345678a", "12345678b", "1234567812345678"]
        #expect(Set(bodies.map { Fingerprint.of(Array($0.utf8)) }).count == bodies.count)
    }
}
