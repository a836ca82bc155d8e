import Analytics
import Service
import TestKit
import Testing

@testable import Front

@Suite("The audit over HTTP", .timeLimit(.minutes(1)))
struct AuditRouteTests {
    private static let down = StoreError(
        .unavailable, store: "postgres", operation: "count events", detail: "connection refused")
    private let front: FrontUnderTest
    private var books: TwinBooks { front.books }
    /// The hour of now.
    private let hour = FrontUnderTest.nowMs / 3_600_000 * 3_600_000

    init() async throws {
        front = try await FrontUnderTest()
        var events = EventBooks()
        events.appended = 10
        events.applied = 6
        events.late = 1
        events.refused = 1
        events.duplicate = 4
        let state = PartitionState(
            cursor: StreamID(ms: 9, sequence: 0), watermarkMs: 0, horizonSecond: 0, newestMs: 77, nowMs: 0,
            definitionsVersion: 1)
        var partition = PartitionBooks(state: state)
        partition.totals = events
        partition.foreign = 3
        partition.waiting = 2
        partition.entries.applied = 5
        partition.entries.added = 6
        partition.entries.waiting = 1
        partition.hours = [hour: events]
        partition.recent = RecentCount(
            boundaryMs: 0, events: 3, changed: [.init(atMs: 60_000, generation: .zero, events: 1)])
        let (only, hourMs) = (partition, hour)
        front.books.change { state in
            state.partitions = [only]
            state.history = [HistoryCount(events: 2, cursor: .zero)]
            state.byHour = [HistoryHour(partition: 0, hourMs: hourMs, events: 2)]
        }
    }

    @Test func answersAsTheDocumentShows() async throws {
        let answer = try await front.client.get("/api/v1/audit?from=-30m")
        #expect(answer.status == 200 && answer["content-type"] == "application/json")
        #expect(
            answer.text
                == #"{"from":\#(hour - 3_600_000),"to":\#(hour + 3_600_000),"hours":[{"hour":\#(hour),"partition":0,"#
                + #""appended":10,"applied":6,"duplicate":4,"late":1,"refused":1,"missing":0,"compacted":2,"#
                + #""balanced":true}],"partitions":[{"partition":0,"appended":10,"applied":6,"duplicate":4,"late":1,"#
                + #""refused":1,"missing":0,"foreign":3,"waiting":2,"counted":{"redis":4,"postgres":2},"#
                + #""entries":{"applied":5,"added":6,"waiting":1,"missing":0},"problems":[],"balanced":true}],"#
                + #""balanced":true,"degraded":[],"as_of":77}"# + "\n")
        #expect(books.now.hoursAsked == [hour - 3_600_000, hour])
        _ = try await front.client.get("/api/v1/audit")
        #expect(books.now.hoursAsked.count == 25)
        _ = try await front.client.get("/api/v1/audit?from=-40d")
        #expect(books.now.hoursAsked.count == 961)
    }

    @Test func withoutPostgresItSaysWhatIsKnown() async throws {
        books.change { $0.postgresFailure = Self.down }
        let answer = try await front.client.get("/api/v1/audit")
        #expect(answer.status == 200 && answer.text.contains(#""degraded":["postgres"]"#))
        #expect(answer.text.contains(#""counted":{"redis":4,"postgres":null}"#))
        #expect(
            answer.text.contains(#""compacted":null,"balanced":true"#) && answer.text.contains("}],\"balanced\":true"))
        books.change { $0.partitions[0].entries.added = 7 }
        #expect(try await front.client.get("/api/v1/audit").text.contains("}],\"balanced\":false"))
    }

    @Test func withoutRedisThereIsNoAnswer() async throws {
        books.change {
            $0.redisFailure = StoreError(.unavailable, store: "redis", operation: "weir_books", detail: "gone")
        }
        let answer = try await front.client.get("/api/v1/audit")
        #expect(answer.status == 503 && answer["retry-after"] == "1")
    }

    @Test func booksOlderThanHistoryAreReadAgain() async throws {
        books.change { state in
            state.history = [HistoryCount(events: 2, cursor: StreamID(ms: 10, sequence: 0))]
            state.laterCursor = StreamID(ms: 11, sequence: 0)
        }
        #expect(try await front.client.get("/api/v1/audit").text.contains("}],\"balanced\":true"))
        #expect(books.now.reads == 2)
        // What stays behind is a Redis that lost data.
        books.change { $0.laterCursor = nil }
        let answer = try await front.client.get("/api/v1/audit")
        #expect(answer.text.contains("Redis has lost data") && answer.text.contains("}],\"balanced\":false"))
    }

    @Test func saysWhichParameterIsWrong() async throws {
        for (query, word) in [
            ("from=soon", "from"), ("to=x", "to"), ("frm=-1h", "frm"), ("from=-1h&from=-2h", "from"),
            ("from=now", "from"), ("from=-41d", "40 days"), ("to=-25h", "before"), ("partition=0", "partition"),
            ("from=%ff", "from"),
        ] {
            let answer = try await front.client.get("/api/v1/audit?" + query)
            #expect(answer.status == 400 && answer.text.contains(word), "\(query): \(answer.text)")
        }
    }
}
