import Analytics
import Postgres
import PostgresStore
import TestKit
import Testing
import Wire

@Suite("Quantiles in SQL", .timeLimit(.minutes(1)))
struct QuantileTests {
    private static let quantiles = [0, 0.001, 0.1, 0.25, 0.5, 0.9, 0.99, 0.999, 1]

    @Test(arguments: Seed.range(20))
    func sqlAnswersWhatSwiftAnswers(seed: Seed) async throws {
        var random = SplitMix64(seed)
        var sketch = Sketch()
        var values: [Double] = []
        for _ in 0..<Int.random(in: 1...300, using: &random) {
            let value = anyValue(&random)
            let times = Int.random(in: 0..<4, using: &random) == 0 ? 200 : 1
            for _ in 0..<times { sketch.insert(value) }
            values.append(value)
        }
        let range = (values.min() ?? 0)...(values.max() ?? 0)
        let expected = Self.quantiles.map { sketch.value(atQuantile: $0) }
        let clamped = expected.map { $0.map { min(max($0, range.lowerBound), range.upperBound) } }
        let bytes = encode(sketch)
        let (found, within, bins) = try await DatabaseFixture(isMigrated: true).withPool { pool in
            let rows = try await pool.query(
                """
                SELECT weir.quantile($1, q), weir.quantile($1, q, $3, $4), (SELECT sum(n)::bigint FROM weir.sketch_bins($1))
                FROM unnest($2::float8[]) WITH ORDINALITY AS asked (q, place) ORDER BY place
                """,
                [.bytea(bytes), .float8Array(Self.quantiles), .float8(range.lowerBound), .float8(range.upperBound)])
            var (found, within): ([Double], [Double]) = ([], [])
            for row in 0..<rows.rowCount {
                found.append(try rows.float8(row, 0))
                within.append(try rows.float8(row, 1))
            }
            return (found, within, Int(try rows.integer(0, 2)))
        }
        #expect(found == expected)
        #expect(within == clamped)
        #expect(bins == sketch.count)
    }

    @Test func everyBinHasTheSameValueInSqlAndInSwift() async throws {
        var sketch = Sketch()
        let all = Sketch.indices.map { Sketch.Bin(index: $0, count: 1) }
        for isNegative in [false, true] { sketch.add(ascending: all, isNegative: isNegative) }
        let bytes = encode(sketch)
        let found = try await DatabaseFixture(isMigrated: true).withPool { pool in
            let rows = try await pool.query(
                "SELECT index, sign * value FROM weir.sketch_bins($1)", [.bytea(bytes)])
            var found: [Int32: [Double]] = [:]
            for row in 0..<rows.rowCount {
                found[Int32(try rows.integer(row, 0)), default: []].append(try rows.float8(row, 1))
            }
            return found
        }
        #expect(found.count == Sketch.indices.count)
        for index in Sketch.indices {
            let value = Sketch.value(at: index)
            if found[index] != [value, value] { Issue.record("bin \(index): \(found[index] ?? []), not \(value)") }
        }
    }

    @Test(arguments: Seed.range(5))
    func mergingInSqlGivesTheBytesOfMergingInSwift(seed: Seed) async throws {
        var random = SplitMix64(seed)
        var merged = Sketch()
        let parts = (0..<Int.random(in: 1...12, using: &random)).map { _ in
            var part = Sketch()
            for _ in 0..<Int.random(in: 0...60, using: &random) { part.insert(anyValue(&random)) }
            merged.merge(part)
            return part
        }
        let encoded = parts.map(encode)
        let expected = encode(merged)
        let found = try await DatabaseFixture(isMigrated: true).withPool { pool in
            let rows = try await pool.query(
                "SELECT weir.merge(part) FROM (SELECT NULL::bytea UNION ALL SELECT unnest($1::bytea[])) AS parts (part)",
                [.byteaArray(encoded)])
            return rows.isNull(0, 0) ? nil : try rows.bytea(0, 0)
        }
        #expect(found == (merged.isEmpty ? nil : expected))
    }

    @Test func whatHasSeenNothingHasNoQuantileAndOthersAreRefused() async throws {
        let fixture = try await DatabaseFixture(isMigrated: true)
        let empty = try await fixture.sql(
            "SELECT weir.quantile('\\x00', 0.5) IS NULL, weir.quantile(NULL, 0.5) IS NULL")
        #expect(empty == "t|t")
        await #expect(throws: TestKitError.self) { try await fixture.sql("SELECT weir.quantile('\\x00', 1.5)") }
    }

    private func encode(_ sketch: Sketch) -> [UInt8] {
        var bytes: [UInt8] = []
        SketchCodec.append(sketch, to: &bytes)
        return bytes
    }
}
