import Analytics
import Service

/// History in memory: every series has a row of one event in every minute, or in every `every`th.
final class TwinHistory: HistorySource {
    struct State {
        var held = HistoryHeld.all
        /// What is held from the second question on.
        var heldLater: HistoryHeld?
        var reads: [(series: Int, rows: Int)] = []
    }

    let state = Lock(State())
    private let series: [HistorySeries]
    private let kept: HistoryKept?
    private let watermarkMs: Int64
    private let every: Int64

    init(
        series: Int, kept: HistoryKept? = HistoryKept(kind: .counter, hasSum: false), watermarkMs: Int64,
        every: Int64 = 1
    ) {
        self.series = (0..<series).map {
            HistorySeries(id: $0 + 1, labels: LabelSet([.init(name: "a", value: String($0))]))
        }
        self.kept = kept
        self.watermarkMs = watermarkMs
        self.every = every
    }

    func series(ofMetric name: String, from id: Int) async throws(StoreError) -> [HistorySeries] {
        name == "hits" ? series.filter { $0.id >= id } : []
    }

    func held(nowMs: Int64) async throws(StoreError) -> HistoryHeld {
        state.withLock { state in
            defer { if let later = state.heldLater { state.held = later } }
            return state.held
        }
    }

    func rows(
        series: [Int], fromMs: Int64, toMs: Int64, before: [Int64], resolution: HistoryResolution
    ) async throws(StoreError) -> [HistoryRow] {
        var aggregate = Aggregate()
        aggregate.addEvent()
        var rows: [HistoryRow] = []
        for minute in stride(from: fromMs, to: toMs, by: 60_000) where minute / 60_000 % every == 0 {
            rows += series.reversed().map { HistoryRow(series: $0, bucketMs: minute, aggregate: aggregate) }
        }
        state.withLock { $0.reads.append((series.count, rows.count)) }
        return rows
    }

    func metrics() async throws(StoreError) -> [String] { ["events", "hits"] }

    func kept(bySeries series: [Int]) async throws(StoreError) -> HistoryKept? { kept }

    func extent() async throws(StoreError) -> HistoryExtent? {
        HistoryExtent(watermarkMs: watermarkMs, partitionCount: 1)
    }
}
