import Analytics
import TestKit
import Testing
import Wire

@Suite("weir.cardinality and weir.merge_hll", .tags(.integration), .needs(.postgres), .timeLimit(.minutes(1)))
struct CardinalityTests {
    private let fixture: DatabaseFixture

    init() async throws { fixture = try await DatabaseFixture(isMigrated: true) }

    private func registers(_ count: Int, _ random: inout SplitMix64) -> HyperLogLog {
        (0..<count).reduce(into: HyperLogLog()) { registers, _ in registers.insert("\(random.next())".utf8Span.span) }
    }

    /// Dense, also where Redis would keep it sparse.
    private func dense(_ registers: HyperLogLog) -> [UInt8] {
        var bytes = Array("HYLL".utf8) + Array(repeating: 0, count: 12 + HyperLogLog.registerCount * 6 / 8)
        registers.forEach { place in
            for bit in 0..<6 where place.rank >> UInt8(bit) & 1 == 1 {
                let at = place.index * 6 + bit
                bytes[16 + at / 8] |= 1 << UInt8(at % 8)
            }
        }
        return bytes
    }

    private func decode(_ hexadecimal: String) throws -> HyperLogLog {
        let bytes = try fromHexadecimal(hexadecimal)
        return try HyperLogLogCodec.decode(bytes.span, 0..<bytes.count)
    }

    @Test func countsWhatSwiftCountsSparseOrDense() async throws {
        var random = SplitMix64(Seed(value: 31))
        for count in [0, 1, 2, 10, 300, 1_000, 2_000, 20_000, 100_000] {
            let registers = registers(count, &random)
            let encodings = [HyperLogLogCodec.encode(registers), dense(registers), dense(registers) + [0]]
            let found = try await fixture.sql(
                encodings.map { "SELECT weir.cardinality(\(literal($0)))" }.joined(separator: "; "))
            #expect(found == Array(repeating: "\(registers.count)", count: 3).joined(separator: "\n"))
        }
    }

    @Test func registersOfAnyValueAreCountedAsInSwift() async throws {
        var random = SplitMix64(Seed(value: 32))
        for filled in [1, 40, 900, 16_384] {
            var registers = HyperLogLog()
            for index in 0..<filled {
                registers.raise(.init(index: index, rank: .random(in: 1...HyperLogLog.maxRank, using: &random)))
            }
            let bytes = HyperLogLogCodec.encode(registers)
            #expect(try await fixture.sql("SELECT weir.cardinality(\(literal(bytes)))") == "\(registers.count)")
        }
    }

    @Test(arguments: [
        [0], [0, 0], [1, 0, 5], [40, 40, 40, 40], [700, 700, 700], [900, 5_000], [30_000, 3, 20_000],
    ])
    func mergesWhatSwiftMerges(counts: [Int]) async throws {
        var random = SplitMix64(Seed(value: 33))
        let parts = counts.map { registers($0, &random) }
        let merged = parts.reduce(into: HyperLogLog()) { $0.merge($1) }
        _ = try await fixture.sql("CREATE TABLE part (hll bytea)")
        for part in parts {
            _ = try await fixture.sql("INSERT INTO part VALUES (\(literal(HyperLogLogCodec.encode(part)))), (NULL)")
        }
        let hexadecimal = try await fixture.sql("SELECT encode(weir.merge_hll(hll), 'hex') FROM part")
        #expect(try decode(hexadecimal) == merged)
        #expect(try fromHexadecimal(hexadecimal) == HyperLogLogCodec.encode(merged))
        let count = try await fixture.sql("SELECT weir.cardinality(weir.merge_hll(hll)) FROM part")
        #expect(count == "\(merged.count)")
    }

    @Test func mergesManySparseOnes() async throws {
        var random = SplitMix64(Seed(value: 34))
        let parts = (0..<120).map { _ in registers(900, &random) }
        _ = try await fixture.sql("CREATE TABLE part (hll bytea)")
        for start in stride(from: 0, to: parts.count, by: 20) {
            let rows = parts[start..<start + 20].map { "(\(literal(HyperLogLogCodec.encode($0))))" }
            _ = try await fixture.sql("INSERT INTO part VALUES \(rows.joined(separator: ","))")
        }
        let merged = parts.reduce(into: HyperLogLog()) { $0.merge($1) }
        #expect(try decode(try await fixture.sql("SELECT encode(weir.merge_hll(hll), 'hex') FROM part")) == merged)
    }

    @Test func nothingGivesNull() async throws {
        let found = try await fixture.sql(
            """
            SELECT weir.cardinality(NULL) IS NULL, (SELECT weir.merge_hll(NULL) IS NULL FROM generate_series(1, 3)),
                (SELECT weir.merge_hll(hll) IS NULL FROM weir.minute), weir.merge_hlls('{}') IS NULL
            """)
        #expect(found == "t|t|t|t")
    }

    @Test func damagedBytesAreRefused() async throws {
        let head = Array("HYLL".utf8)
        let rest = Array(repeating: UInt8(0), count: 11)
        let dense = dense(HyperLogLog())
        var above = dense
        above[16] = 52
        let damaged: [[UInt8]] = [
            [], Array("HYLX".utf8) + dense[4...], head + [2] + rest + [0x7f, 0xff], Array(dense.dropLast()),
            dense + [0, 0], above, head + [1] + rest, head + [1] + rest + [0x7f, 0xfe], head + [1] + rest + [0x7f],
            head + [1] + rest + [0x7f, 0xff, 0], head + [1] + rest + [0x80, 0x7f, 0xff],
        ]
        for bytes in damaged {
            for function in ["cardinality", "merge_hll"] {
                // As psql tells no code, the code is what is caught.
                let found = try await fixture.sql(
                    """
                    DO $$ BEGIN PERFORM weir.\(function)(\(literal(bytes)));
                    EXCEPTION WHEN data_corrupted THEN CREATE TABLE caught (); END $$;
                    SELECT to_regclass('caught') IS NOT NULL; DROP TABLE IF EXISTS caught
                    """)
                #expect(found == "t", "\(function) of \(bytes.count) bytes")
            }
        }
    }
}
