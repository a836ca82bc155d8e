import Testing

@testable import Doctor

@Suite("Doctor's report")
struct ReportTests {
    private let report = Report([
        .ok("redis", "Redis 7.0.15 answers"),
        .warn("redis-memory", "85 of 100 MiB", mend: "raise maxmemory"),
        .fail("schema", "could not \"open\":\n  no such file", mend: "weir migrate"),
    ])

    @Test func aCheckIsALineWhateverAServerSays() {
        #expect(
            report.lines == [
                "OK    redis         Redis 7.0.15 answers",
                "WARN  redis-memory  85 of 100 MiB. To mend it: raise maxmemory",
                "FAIL  schema        could not \"open\":; no such file. To mend it: weir migrate",
            ])
        #expect(report.summary == "1 failed, 1 to be looked at, of 3 checks")
        #expect(Report([.ok("redis", "")]).summary == "all is well (1 checks)")
    }

    @Test func theWorstDecides() {
        #expect(report.verdict == .fail && Report().verdict == .ok)
        #expect(Report([.ok("a", ""), .warn("b", "", mend: "x")]).verdict == .warn)
    }

    @Test func programsGetAllOfIt() {
        let json = String(decoding: report.json(version: "0.1.0", atMs: 7), as: UTF8.self)
        #expect(
            json == """
                {"ok":false,"version":"0.1.0","at":7,"checks":[\
                {"check":"redis","verdict":"ok","detail":"Redis 7.0.15 answers","remedy":null},\
                {"check":"redis-memory","verdict":"warn","detail":"85 of 100 MiB","remedy":"raise maxmemory"},\
                {"check":"schema","verdict":"fail","detail":"could not \\"open\\":; no such file","remedy":"weir migrate"}]}\n
                """)
    }

    @Test(
        arguments: [
            (0, "0 ms"), (999, "999 ms"), (119_999, "119 s"), (120_000, "2 min"), (7_200_000, "2 h"),
            (172_800_000, "2 d"),
        ] as [(Int64, String)])
    func lengths(ms: Int64, text: String) {
        #expect(FactText.length(ms) == text)
    }
}
