package import Analytics

extension QueryEngine: LiveHistory {
    package func read(
        _ metric: MetricDefinition, by: [String], filter: LabelFilter, from: Int64, to: Int64, stepSeconds: Int64
    ) async throws(StoreError) -> HistoryPart {
        let asked = Query(
            metric: metric, by: by, filter: filter, fromMs: from * 1000, toMs: to * 1000, stepMs: stepSeconds * 1000)
        let (query, found) = try await find(asked, usesMemory: false)
        guard !found.degraded.contains("redis") else {
            // Without it nothing moves either; the rest would have to be read again as soon as it is back.
            throw StoreError(.unavailable, store: "redis", operation: "live snapshot", detail: "no answer")
        }
        var part = HistoryPart(stepSeconds: query.stepMs / 1000)
        part.buckets = await computed(isLong: found.buckets.count > Self.bucketsInPlace) {
            found.buckets.groups.mapValues { buckets in
                Dictionary(uniqueKeysWithValues: buckets.map { ($0.key / 1000, $0.value) })
            }
        }
        part.cursors = found.cursors
        part.tiers = found.tiers
        part.degraded = found.degraded
        return part
    }
}
