import Testing

@testable import Front

@Suite("Tally of questions")
struct QueryTallyTests {
    private func ns(_ seconds: Int) -> UInt64 { UInt64(1_000_000 + seconds) * 1_000_000_000 }

    @Test func hitsAreQuestionsWithoutPostgres() {
        var tally = QueryTally()
        #expect(tally.total.hitRate == nil)
        for second in 0..<4 { tally.count(tiers: ["memory", "redis"], isHit: true, nowNs: ns(second)) }
        tally.count(tiers: ["memory", "redis", "postgres"], isHit: false, nowNs: ns(4))
        #expect(tally.total == .init(answered: 5, withoutPostgres: 4) && tally.total.hitRate == 0.8)
        #expect(tally.byTier == ["memory": 5, "redis": 5, "postgres": 1])
    }

    @Test func theLastMinutesForgetWhatCameBefore() {
        var tally = QueryTally()
        tally.count(tiers: ["memory"], isHit: true, nowNs: ns(0))
        tally.count(tiers: ["postgres"], isHit: false, nowNs: ns(200))
        #expect(tally.recent(nowNs: ns(200)) == .init(answered: 2, withoutPostgres: 1))
        #expect(tally.recent(nowNs: ns(289)).answered == 2)
        #expect(tally.recent(nowNs: ns(310)) == .init(answered: 1, withoutPostgres: 0))
        #expect(tally.recent(nowNs: ns(600)) == .init())
        tally.count(tiers: ["memory"], isHit: true, nowNs: ns(900))
        #expect(tally.recent(nowNs: ns(900)) == .init(answered: 1, withoutPostgres: 1), "a slot begins anew")
        #expect(tally.total.answered == 3)
    }

    @Test func everyCombinationOfTiersHasAName() {
        #expect(QueryTally.combinations.count == 8 && Set(QueryTally.combinations).count == 8)
        #expect(QueryTally.combinations.contains(["memory", "redis", "postgres"]))
    }
}
