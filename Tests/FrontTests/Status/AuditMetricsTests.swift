import Analytics
import Service
import Testing

@testable import Front

@Suite("The audit on /metrics") struct AuditMetricsTests {
    private let books = TwinBooks()
    private let registry = MetricsRegistry()
    private let metrics: AuditMetrics

    init() {
        metrics = AuditMetrics(registry, reader: AuditReader(books: books, history: books))
        let state = PartitionState(
            cursor: StreamID(ms: 9, sequence: 0), watermarkMs: 0, horizonSecond: 0, newestMs: 9, nowMs: 0,
            definitionsVersion: 1)
        var partition = PartitionBooks(state: state)
        partition.totals.appended = 5
        partition.totals.applied = 5
        partition.recent = RecentCount(boundaryMs: 0, events: 3)
        let only = partition
        books.change { state in
            state.partitions = [only]
            state.history = [HistoryCount(events: 2, cursor: .zero)]
        }
    }

    private var told: [String] {
        String(decoding: registry.render(), as: UTF8.self).split(separator: "\n").map(String.init).filter {
            $0.hasPrefix("weir_audit_balanced ")
        }
    }

    @Test func saysWhetherTheBooksBalance() async {
        #expect(told == [], "nothing is known before the first audit")
        await metrics.audit()
        #expect(told == ["weir_audit_balanced 1"])
        books.change { $0.history = [HistoryCount(events: 1, cursor: .zero)] }
        await metrics.audit()
        #expect(told == ["weir_audit_balanced 0"])
    }

    @Test func keepsWhatItKnowsWhileAStoreIsAway() async {
        books.change { $0.history = [HistoryCount(events: 1, cursor: .zero)] }
        await metrics.audit()
        books.change { state in
            state.history = [HistoryCount(events: 2, cursor: .zero)]
            state.postgresFailure = StoreError(.unavailable, store: "postgres", operation: "count", detail: "down")
        }
        await metrics.audit()
        #expect(told == ["weir_audit_balanced 0"])
    }
}
