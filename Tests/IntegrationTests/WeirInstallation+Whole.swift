import Service
import TestKit
import Testing

/// Questions while stores come and go.
extension WeirInstallation {
    /// An answer; throws where there is none.
    func answer(_ target: String) async throws -> JSON5Value {
        let response = try await HTTPClient(port: port).get(target)
        guard response.status == 200 else { throw TestKitError("\(target): \(response.status) \(response.text)") }
        return try JSON5.parse(response.body)
    }

    /// An answer to which every store has said its part.
    func whole(_ target: String) async throws -> JSON5Value {
        try await eventually("\(target) is answered from everywhere", deadline: .seconds(30)) {
            guard let answer = try? await answer(target) else { return nil }
            #expect(answer["truncated"] == nil)
            return answer["degraded"]?.elements?.isEmpty == true ? answer : nil
        }
    }

    /// How many events are counted in all, asked once; nil where a store did not answer.
    func count(from: Int64) async throws -> Int? {
        let answer = try await answer("/api/v1/query?metric=events&by=&agg=count&step=1h&from=\(from)")
        guard answer["degraded"]?.elements?.isEmpty == true else { return nil }
        return Int(Self.sum(answer, "count"))
    }

    /// What all series and buckets of an answer add up to.
    static func sum(_ answer: JSON5Value, _ aggregation: String) -> Double {
        (answer["series"]?.elements ?? []).reduce(0) { sum, series in
            (series[aggregation]?.elements ?? []).reduce(sum) { $0 + ($1.number ?? 0) }
        }
    }

    func expectBalance(applied: Int, _ when: String) async throws {
        let audit = try await whole("/api/v1/audit?from=-24h")
        #expect(audit["balanced"]?.bool == true, "\(when): \(audit["partitions"]?.elements?.first?["problems"] as Any)")
        #expect(audit["partitions"]?.elements?.first?["applied"]?.integer == Int64(applied), "\(when)")
    }

    /// Every hour that is rolled up is all of its minutes.
    func expectHoursOfMinutes() async throws {
        let unequalHours = try await sql(
            """
            SELECT count(*) FROM (
                SELECT series_id, minute.partition, date_bin('1 hour', bucket, '2000-01-01Z') AS bucket,
                    sum(n) AS n, sum(hits) AS hits, min(min) AS min, max(max) AS max, weir.merge(sketch) AS sketch
                FROM weir.minute JOIN weir.partition_cursor USING (partition)
                WHERE bucket < hours_until GROUP BY 1, 2, 3
            ) AS minutes FULL JOIN weir.hour USING (series_id, partition, bucket)
            WHERE (minutes.n, minutes.hits, minutes.min, minutes.max, minutes.sketch)
                IS DISTINCT FROM (hour.n, hour.hits, hour.min, hour.max, hour.sketch)
            """)
        #expect(unequalHours == "0")
    }
}
