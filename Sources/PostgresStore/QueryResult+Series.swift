internal import Analytics
internal import Postgres
internal import Service

extension QueryResult {
    /// Reads all of `history.series.sql`.
    borrowing func historySeries() throws -> [HistorySeries] {
        var series: [HistorySeries] = []
        series.reserveCapacity(rowCount)
        for row in 0..<rowCount {
            series.append(HistorySeries(id: Int(try integer(row, 0)), labels: try Self.labels(try text(row, 1))))
        }
        return series
    }

    /// Labels from the JSON in which the store has them.
    static func labels(_ json: String) throws(StoreError) -> LabelSet {
        let members = (try? JSON5.parse(Array(json.utf8)))?.members ?? []
        let labels = members.compactMap { member in
            member.value.string.map { LabelSet.Label(name: member.key, value: $0) }
        }
        guard labels.count == members.count else {
            throw StoreError(
                .incompatible, store: "postgres", operation: "read series", detail: "labels that are no texts")
        }
        return LabelSet(labels)
    }
}
