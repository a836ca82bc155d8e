import Analytics
import Foundation
import TestKit
import Testing
import Wire

@Suite("weir.quantile", .tags(.integration), .needs(.postgres), .timeLimit(.minutes(1)))
struct QuantileFunctionTests {
    @Test func givesWhatTheSketchGivesBitForBit() async throws {
        let fixture = try await DatabaseFixture(isMigrated: true)
        var rng = SplitMix64(Seed(value: 22))
        let great = Double.greatestFiniteMagnitude
        var samples: [[Double]] = [
            [great], [-great], [.leastNonzeroMagnitude], [-.leastNormalMagnitude], [0, -1, 1, 1, 0],
        ]
        samples += (0..<30).map { size in
            (0...size).map { _ in
                let any = Double(bitPattern: rng.next())
                return any.isFinite && Bool.random(using: &rng) ? any : .random(in: -1_000...1_000, using: &rng)
            }
        }
        let sketches = samples.map { values in values.reduce(into: Sketch()) { $0.insert($1) } }
        let quantiles = [0, 0.25, 0.5, 0.99, 1]
        let rows = sketches.enumerated().map { index, sketch in
            var bytes: [UInt8] = []
            SketchCodec.append(sketch, to: &bytes)
            return "(\(index), '\\x\(bytes.map { String(format: "%02x", $0) }.joined())'::bytea)"
        }
        let answer = try await fixture.sql(
            """
            SELECT weir.quantile(sketch, q) FROM (VALUES \(rows.joined(separator: ","))) AS s (i, sketch),
                unnest(ARRAY[0, 0.25, 0.5, 0.99, 1]::float8[]) WITH ORDINALITY AS t (q, place) ORDER BY i, place
            """)
        let found = answer.split(separator: "\n").map { Double($0) }
        let expected = sketches.flatMap { sketch in quantiles.map { sketch.value(atQuantile: $0) } }
        #expect(found == expected)
    }
}
