import Testing

@testable import Wire

@Suite("What clients accept") struct HTTPPreferencesTests {
    private func fields(_ lines: String...) throws -> HTTPFields {
        let head = "GET / HTTP/1.1\r\nHost: h\r\n" + lines.map { "\($0)\r\n" }.joined() + "\r\n"
        return try HTTPRequestHead(parsing: Array(head.utf8), limits: HTTPLimits()).fields
    }

    @Test(
        arguments: [
            ("text/csv", 1), ("application/json", 0), ("*/*", 0), ("text/*", 1), ("text/html, */*;q=0.1", 0),
            ("text/csv;q=0.5, application/json;q=0.4", 1), ("text/csv;q=0.5, application/json;q=0.51", 0),
            ("text/csv, application/json", 0), ("*/*, application/json;q=0", 1), ("text/*;q=0.9, text/csv;q=0, */*", 0),
            ("TEXT/CSV ; header=present ; Q=1.000", 1), ("image/png", nil),
            ("text/csv;q=0, application/*;q=0.000", nil),
            ("", 0), (",", 0), ("text/csv;q=2", 0), ("text/csv;q=0.1234", 0), ("text/csv;q=", 0),
        ] as [(String, Int?)])
    func theTypeWantedMostIsFound(accept: String, place: Int?) throws {
        #expect(try fields("Accept: \(accept)").accepted(of: ["application/json", "text/csv"]) == place)
    }

    @Test func whoDoesNotSayTakesTheFirstAndSeveralFieldsAreOne() throws {
        #expect(try fields().accepted(of: ["application/json", "text/csv"]) == 0)
        let two = try fields("Accept: application/json;q=0.1", "Accept: text/csv;q=0.2")
        #expect(two.accepted(of: ["application/json", "text/csv"]) == 1)
    }

    @Test(
        arguments: [
            ("gzip", true), ("x-gzip", true), ("*", true), ("br, GZIP;q=0.5", true), ("gzip;q=0", false),
            ("gzip; q=0.000", false), ("gzip;q=0, *", false), ("*;q=0", false), ("*;q=0, gzip", true), ("br", false),
            ("identity", false), ("identity;q=0", false), ("identity;q=0.5, gzip;q=0.4", false),
            ("identity;q=0.5, gzip;q=0.5", true), ("", false),
        ])
    func gzipIsSentToThoseWhoTakeIt(accept: String, packs: Bool) throws {
        #expect(try fields("Accept-Encoding: \(accept)").acceptsGzip == packs)
    }

    @Test(
        arguments: [
            (#""1f""#, true), (#"W/"1f""#, true), ("*", true), (#""a,b", W/"1f""#, true), (#""x" ,"1f""#, true),
            (#""1F""#, false), ("1f", false), (#""1f"#, false), (#"w/"1f""#, false), (#""a" 1f, "1f""#, false),
            ("", false),
            (#""*""#, false),
        ])
    func knownAnswersAreFoundByTheirTag(field: String, isKnown: Bool) throws {
        for isWeak in [true, false] {
            #expect(try fields("If-None-Match: \(field)").hasNoneMatch(HTTPEntityTag("1f", isWeak: isWeak)) == isKnown)
        }
        #expect(try !fields().hasNoneMatch(HTTPEntityTag("1f", isWeak: true)))
    }
}
