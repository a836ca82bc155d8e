import Analytics
import Compactor
import Postgres
import PostgresStore
import Reactor
import Service
import TestKit
import Testing

@Suite("Export", .timeLimit(.minutes(2)))
struct HistoryExportTests {
    private func export(
        _ source: any HistorySource, _ request: ExportRequest, rowsPerRead: Int = 10_000
    ) async throws -> (summary: ExportSummary, text: String) {
        let bytes = Lock([UInt8]())
        let summary = try await HistoryExport(source: source, request: request, rowsPerRead: rowsPerRead).run(
            nowMs: tenOClock, write: { piece in bytes.withLock { $0 += piece } })
        return (summary, String(decoding: bytes.withLock { $0 }, as: UTF8.self))
    }

    @Test(
        "every series and bucket is one row with what its events say, whatever is read at once",
        arguments: Seed.range(2))
    func equalsItsEvents(seed: Seed) async throws {
        var random = SplitMix64(seed)
        let fixture = try await CompactionFixture(partitions: 2, series: 4)
        var all: [MemoryRedis.Event] = []
        // Two partitions, several generations, and events that come late.
        for _ in 0..<5 {
            let events = (0..<40).map { _ in
                MemoryRedis.Event(
                    partition: Int.random(in: 0..<2, using: &random), series: Int.random(in: 0..<4, using: &random),
                    atMs: fixture.redis.nowMs - Int64.random(in: 0..<9_000_000, using: &random),
                    value: Double(Int.random(in: -50...500, using: &random)))
            }
            fixture.redis.apply(events)
            all += events
            fixture.redis.pass(ms: 600_000)
            _ = try await fixture.summary()
            fixture.redis.expire(&random)
        }
        let nowMs = fixture.redis.nowMs
        let names: [Aggregation] = [.count, .sum, .min, .max, .p50, .p99, .rate]
        let configuration = PostgresPoolConfiguration(
            try PostgresConfiguration(fixture.server.url(database: fixture.database)))
        for resolution in HistoryResolution.allCases {
            let wanted = CompactionFixture.reference(all, resolution).filter {
                $0.key.metric == "time" && $0.key.bucketMs + resolution.ms <= nowMs - 300_000
            }
            let lines = wanted.sorted { ($0.key.bucketMs, $0.key.labels) < ($1.key.bucketMs, $1.key.labels) }.map {
                key, aggregate in
                let time = String(rfc3339(milliseconds: key.bucketMs).dropLast(5)) + "Z"
                let values = names.map {
                    aggregate.value($0, seconds: Double(resolution.ms) / 1_000).map(Self.text) ?? ""
                }
                return ([time, key.labels["a"] ?? ""] + values).joined(separator: ",")
            }
            var request = ExportRequest(metric: "time", fromMs: nowMs - 14_400_000, toMs: nowMs - 300_000)
            request.toMs = StepLadder.floor(request.toMs, resolution.ms)
            request.resolution = resolution
            request.aggregations = names.map(\.name).joined(separator: ",")
            for rowsPerRead in resolution == .minute ? [100, 10_000] : [1, 7] {
                let exported = try await fixture.loop.run { [request, loop = fixture.loop] in
                    let pool = PostgresPool(configuration, loop: loop)
                    let exported = try await export(PostgresHistoryStore(pool: pool), request, rowsPerRead: rowsPerRead)
                    await pool.close()
                    return exported
                }
                var found = exported.text.split(separator: "\r\n").map(String.init)
                #expect(found.removeFirst() == "time,a,count,sum,min,max,p50,p99,rate")
                #expect(found == lines, "\(resolution), \(rowsPerRead)")
                #expect(exported.summary.rows == lines.count && !lines.isEmpty || resolution == .day)
            }
        }
    }

    private static func text(_ value: Double) -> String {
        Int64(exactly: value).map { String($0) } ?? value.description
    }

    @Test("a long range is read in pieces of bounded size, and nothing is left out")
    func boundedMemory() async throws {
        let minutes: Int64 = 720
        for (series, every, most) in [(10, Int64(1), 1_000), (10, 40, 1_000), (2_500, 720, 1_000)] {
            let history = TwinHistory(series: series, watermarkMs: tenOClock, every: every)
            let request = ExportRequest(metric: "hits", fromMs: tenOClock - minutes * 60_000, toMs: tenOClock)
            let exported = try await export(history, request, rowsPerRead: 1_000)
            let reads = history.state.withLock { $0.reads }
            #expect(reads.allSatisfy { $0.rows <= most && $0.series <= most }, "\(series)")
            #expect(exported.summary.rows == series * Int(minutes / every))
            #expect(exported.summary.reads == reads.count && exported.summary.mostRowsRead == reads.map(\.rows).max())
            let lines = exported.text.split(separator: "\r\n").dropFirst().map { $0.split(separator: ",") }
            #expect(lines.count == exported.summary.rows)
            // Ascending by time, then by labels, without a repetition.
            let keys = lines.map { "\($0[0]),\($0[1])" }
            #expect(zip(keys, keys.dropFirst()).allSatisfy { $0.utf8.lexicographicallyPrecedes($1.utf8) })
        }
    }

    @Test("sets are read in smaller pieces; buckets that are not over are left out")
    func setsAndOpenBuckets() async throws {
        let history = TwinHistory(
            series: 3, kept: HistoryKept(kind: .unique, hasSum: false), watermarkMs: tenOClock + 90_000)
        var request = ExportRequest(metric: "hits", fromMs: tenOClock - 3_600_000 * 8 + 1, toMs: tenOClock + 3_600_000)
        request.filter.add(label: "a", patterns: "1,2")
        let exported = try await export(history, request, rowsPerRead: 5_000)
        #expect(exported.summary.toMs == tenOClock + 60_000 && exported.summary.rows == 2 * 481)
        #expect(exported.summary.mostRowsRead <= 500 && exported.text.hasPrefix("time,a,unique\r\n"))
        request.filter = LabelFilter()
        request.filter.add(label: "a", patterns: "none")
        #expect(try await export(history, request).text == "time,a,unique\r\n")
        request.fromMs = tenOClock + 600_000
        #expect(try await export(history, request).summary.rows == 0)
    }

    @Test("what cannot be exported is said before anything is written")
    func refusals() async throws {
        let history = TwinHistory(series: 2, watermarkMs: tenOClock)
        history.state.withLock { $0.held = HistoryHeld(minutesFromMs: tenOClock, hoursFromMs: tenOClock - 86_400_000) }
        func refusal(
            _ metric: String = "hits", _ history: TwinHistory? = nil, _ change: (inout ExportRequest) -> Void = { _ in }
        ) async -> String {
            var request = ExportRequest(metric: metric, fromMs: tenOClock - 60_000, toMs: tenOClock)
            change(&request)
            do {
                let exported = try await export(history ?? TwinHistory(series: 2, watermarkMs: tenOClock), request)
                return "wrote \(exported.text)"
            } catch {
                return (error as? ExportError).map { "\($0.code): \($0.description)" } ?? "\(error)"
            }
        }
        #expect(await refusal("miss") == "badRequest: history has no metric \"miss\"; there are events, hits")
        #expect(
            await refusal { $0.aggregations = "count,p99" }
                == "badRequest: hits does not answer \"p99\"; it answers count, rate")
        #expect(
            await refusal { $0.filter.add(label: "b", patterns: "x") }
                == "badRequest: hits has no label \"b\"; it has a")
        #expect(
            await refusal("hits", history)
                == "badRequest: minutes are held from 2026-11-23T10:00:00Z on: begin there, or ask for hours, which are kept "
                + "for longer")
        #expect(await refusal("hits", history) { $0.resolution = .hour }.hasPrefix("wrote time,a,count,rate"))
        #expect(
            await refusal("hits", TwinHistory(series: 1, kept: nil, watermarkMs: tenOClock))
                == "badRequest: all that history had of hits was dropped by retention")
        let dropping = TwinHistory(series: 1, watermarkMs: tenOClock)
        dropping.state.withLock { $0.heldLater = HistoryHeld(minutesFromMs: tenOClock, hoursFromMs: tenOClock) }
        #expect(await refusal("hits", dropping).hasPrefix("dropped: retention dropped a part"))
    }
}
