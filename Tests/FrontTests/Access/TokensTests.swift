import Testing

@testable import Front

@Suite("Tokens")
struct TokensTests {
    private let file = """
        # who may do what
        ingest  ingest-token-0001
          # a note

        read\tread-token-000001
        admin admin-token-00001
        read admin-token-00001
        """

    @Test func aTokenHasTheScopesOfItsLines() throws {
        let tokens = try Tokens(reading: Array(file.utf8))
        #expect(!tokens.isEmpty)
        #expect(tokens.scopes(ofToken: "ingest-token-0001") == [.ingest])
        #expect(tokens.scopes(ofToken: "read-token-000001") == [.read])
        #expect(tokens.scopes(ofToken: "admin-token-00001") == [.admin, .read])
        for wrong in ["", "ingest-token-0002", "ingest-token-000", "ingest-token-00011"] {
            #expect(tokens.scopes(ofToken: wrong).isEmpty)
        }
    }

    @Test func aSessionStandsForItsTokenAndIsNotOne() throws {
        let tokens = try Tokens(reading: Array(file.utf8))
        let session = String(decoding: Tokens.session(of: Array("read-token-000001".utf8)), as: UTF8.self)
        #expect(session.count == 64 && tokens.scopes(ofSession: session) == [.read])
        #expect(tokens.scopes(ofToken: session).isEmpty && tokens.scopes(ofSession: "read-token-000001").isEmpty)
        let other = try Tokens(reading: Array("read another-token-0001".utf8))
        #expect(other.scopes(ofSession: session).isEmpty)
    }

    @Test(arguments: [
        ("read", 1), ("read short", 1), ("\nwrite long-enough-token-1", 2), ("read long-enough-token-1 more", 1),
        ("# nothing", 1), ("", 1), ("read unprintable-tökens", 1),
    ])
    func saysWhichLineIsWrongAndShowsNoToken(file: String, line: Int) {
        #expect { try Tokens(reading: Array(file.utf8)) } throws: { error in
            guard let error = error as? TokenError else { return false }
            return error.line == line && !error.detail.contains("long-enough") && !error.detail.contains("short")
        }
    }

    @Test func withoutTokensNobodyIsAsked() { #expect(Tokens().isEmpty) }

    /// FIPS 180-4 examples, and lengths around the padding's edges against coreutils' sha256sum.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (String(repeating: "a", count: 55), "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"),
        (String(repeating: "a", count: 64), "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"),
        (String(repeating: "a", count: 119), "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb"),
    ])
    func digestsAsTheStandardSays(text: String, hexadecimal: String) {
        let digits = Array("0123456789abcdef".utf8)
        let digest = SHA256.digest(Array(text.utf8)).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        #expect(String(decoding: digest, as: UTF8.self) == hexadecimal)
    }
}
