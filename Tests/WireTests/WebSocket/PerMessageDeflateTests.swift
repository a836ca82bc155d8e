import Testing

@testable import Wire

@Suite("Negotiation of permessage-deflate") struct PerMessageDeflateTests {
    private static let plain = "permessage-deflate; client_no_context_takeover"

    @Test(arguments: [
        ("permessage-deflate", 15, plain),
        ("permessage-deflate; client_max_window_bits", 15, plain),
        ("permessage-deflate; client_max_window_bits=10", 15, plain),
        (
            "Permessage-Deflate;server_no_context_takeover;client_no_context_takeover", 15,
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
        ),
        ("permessage-deflate; server_max_window_bits=10", 10, plain + "; server_max_window_bits=10"),
        ("permessage-deflate; server_max_window_bits=\"15\"", 15, plain + "; server_max_window_bits=15"),
        // The first offer that can be met.
        ("permessage-deflate; server_max_window_bits=8, permessage-deflate", 15, plain),
        (
            "x-webkit-deflate-frame, permessage-deflate; server_max_window_bits=9, permessage-deflate", 9,
            plain + "; server_max_window_bits=9"
        ),
    ])
    func offersThatCanBeMet(offers: String, bits: Int, answer: String) throws {
        let agreed = try #require(PerMessageDeflate(offers: offers))
        #expect(agreed.serverWindowBits == bits)
        #expect(agreed.answer == answer)
        #expect(agreed.serverMayKeepContext == !answer.contains("server_no_context"))
    }

    @Test(arguments: [
        "", "x-webkit-deflate-frame", "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=16", "permessage-deflate; server_max_window_bits=8",
        "permessage-deflate; server_max_window_bits=010", "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=\"", "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_no_context_takeover; client_no_context_takeover", "permessage-deflate; fast",
        "permessage-deflate; ", "permessage-deflate; =3", "permessage deflate",
    ])
    func offersThatAreDeclined(offers: String) {
        #expect(PerMessageDeflate(offers: offers) == nil)
    }
}
