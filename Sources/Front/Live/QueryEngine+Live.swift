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
        return await part(found, query)
    }

    package func read(
        _ asked: [LiveRead], from: Int64, to: Int64, stepSeconds: Int64
    ) async throws(StoreError) -> [HistoryPart] {
        let queries = asked.map { one in
            Query(
                metric: one.metric, by: one.by, filter: LabelFilter(), fromMs: from * 1000, toMs: to * 1000,
                stepMs: stepSeconds * 1000)
        }
        if let first = queries.first, queries.count > 1,
            queries.allSatisfy({ $0.metric.sharesRecords(with: first.metric) })
        {
            let plan = QueryPlan(
                first, states: try await partitionStates(), memoryFromSecond: nil, held: await held())
            if plan.history == nil, plan.query.stepMs == first.stepMs {
                var found = queries.map(Found.init)
                try await readRecent(plan, queries, &found)
                var parts: [HistoryPart] = []
                for (query, found) in zip(queries, found) { parts.append(await part(found, query)) }
                return parts
            }
        }
        var parts: [HistoryPart] = []
        for one in asked {
            parts.append(
                try await read(
                    one.metric, by: one.by, filter: LabelFilter(), from: from, to: to, stepSeconds: stepSeconds))
        }
        return parts
    }

    private func part(_ found: Found, _ query: Query) async -> HistoryPart {
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

extension MetricDefinition {
    /// Whether both are parts of the same records, and of no others.
    fileprivate func sharesRecords(with other: MetricDefinition) -> Bool {
        group == other.group && formerGroups.isEmpty && other.formerGroups.isEmpty && !kind.keepsSets
            && !other.kind.keepsSets
    }
}
