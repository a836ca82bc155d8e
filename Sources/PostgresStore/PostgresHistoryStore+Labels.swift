package import Analytics
internal import Postgres
internal import Service

extension PostgresHistoryStore {
    /// Reads the arrays of each bucket, on the other thread where there is one.
    package func labelRollUps(
        _ metric: String, by label: String, stepMs: Int64, rangeMs: Range<Int64>, aggregations: [Aggregation]
    ) async throws(StoreError) -> LabelRollUps {
        // Names of columns, from a list of our own: what is not asked for is not read from its place beside the table.
        let columns = aggregations.map { ", \(Self.column($0))" }.joined()
        return try await mapping {
            let found = try await pool.query(
                Statement.labelRollUps.replacing(" /* and */", with: columns),
                [
                    .text(metric), .text(label), .int4(Int32(stepMs / 1_000)),
                    .timestamptz(us: rangeMs.lowerBound * 1_000),
                    .timestamptz(us: rangeMs.upperBound * 1_000),
                ], operation: "read label roll-ups", timeout: timeout)
            guard let work else { return try Self.labelRollUps(found, aggregations.count) }
            return try await work.run { try Self.labelRollUps(found, aggregations.count) }
        }
    }

    private static func column(_ aggregation: Aggregation) -> String {
        switch aggregation {
        case .unique: "uniques"
        default: "\"\(aggregation.name)\""
        }
    }

    private static func labelRollUps(_ found: borrowing QueryResult, _ aggregationCount: Int) throws -> LabelRollUps {
        var made = LabelRollUps()
        var places: [LabelSet: Int] = [:]
        // Neighbours mostly have the same groups.
        var (last, groups): (Int?, [Int]) = (nil, [])
        for row in 0..<found.rowCount {
            // Made before the metric's kind was what it is now.
            if (0..<aggregationCount).contains(where: { found.isNull(row, 3 + $0) }) { continue }
            if !(last.map { found.isSame(row, as: $0, 1) } ?? false) {
                groups = try found.textArray(row, 1).map { text in
                    let labels = try QueryResult.labels(text)
                    if let known = places[labels] { return known }
                    places[labels] = made.labels.count
                    made.labels.append(labels)
                    return made.labels.count - 1
                }
                last = row
            }
            let counts = try found.int8Array(row, 2).map(Int.init)
            var values: [[Double]] = []
            for column in 0..<aggregationCount { values.append(try found.float8Array(row, 3 + column)) }
            guard counts.count == groups.count, values.allSatisfy({ $0.count == groups.count }) else {
                throw StoreError(
                    .incompatible, store: "postgres", operation: "read label roll-ups",
                    detail: "a bucket has more groups than values")
            }
            made.buckets.append(
                .init(
                    startMs: try found.timestamptzUs(row, 0) / 1_000, groups: groups, counts: counts, values: values))
        }
        return made
    }
}
