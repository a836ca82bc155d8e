import Analytics

// Twins hold few series: those from some number on are picked from all of them.

extension RecentStore where Self: AnyObject {
    func series(partition: Int, from number: Int) async throws(StoreError) -> NewSeries {
        let all = try await series(partition: partition)
        return NewSeries(connection: 0, count: all.count, series: all.filter { $0.number >= number })
    }
}

extension HistoryStore where Self: AnyObject {
    func series(ofMetric name: String, from id: Int) async throws(StoreError) -> [HistorySeries] {
        try await series(ofMetric: name).filter { $0.id >= id }
    }
}
