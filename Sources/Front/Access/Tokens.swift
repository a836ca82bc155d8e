/// Who may do what: the tokens of `WEIR_TOKENS`, each with a scope.
package struct Tokens: Sendable {
    /// What a token allows; each includes nothing of the others but for `admin`, which allows everything.
    package enum Scope: String, CaseIterable, Sendable {
        case ingest, read, admin
    }

    private struct Entry {
        let scope: Scope
        /// SHA-256 of the token. Digests are compared, so that how long it takes says nothing about the token.
        let digest: [UInt8]
        /// The session that the token begins; see `session(of:)`.
        let session: [UInt8]
    }

    /// A token must have this many characters, so that nobody finds it by trying, nor from a session.
    package static let minCharacters = 16
    private var entries: [Entry] = []

    /// No tokens: everybody may do everything.
    package init() {}

    /// Reads lines of `scope token`; blank lines and those that begin with # are skipped.
    ///
    /// - Throws: `TokenError` with the line that is wrong; it never shows a token.
    package init(reading file: [UInt8]) throws(TokenError) {
        let text = String(decoding: file, as: UTF8.self)
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.split(whereSeparator: \.isWhitespace)
            guard let first = words.first, !first.hasPrefix("#") else { continue }
            guard words.count == 2, let scope = Scope(rawValue: String(first)) else {
                throw TokenError(
                    line: index + 1, detail: "expected \"scope token\", with the scope ingest, read or admin")
            }
            let token = words[1].utf8
            guard token.count >= Self.minCharacters, token.allSatisfy({ (0x21...0x7E).contains($0) }) else {
                throw TokenError(
                    line: index + 1,
                    detail: "a token must have at least \(Self.minCharacters) characters, all printable ASCII")
            }
            entries.append(
                Entry(scope: scope, digest: SHA256.digest(Array(token)), session: Self.session(of: Array(token))))
        }
        guard !entries.isEmpty else { throw TokenError(line: 1, detail: "the file holds no token") }
    }

    /// No token is asked for.
    package var isEmpty: Bool { entries.isEmpty }

    /// The scopes that `token` has; empty where nobody has it.
    func scopes(ofToken token: String) -> Set<Scope> {
        let digest = SHA256.digest(Array(token.utf8))
        return entries.reduce(into: []) { if Self.areEqual($1.digest, digest) { $0.insert($1.scope) } }
    }

    /// The scopes of the token that began `session`; empty where none of ours did.
    func scopes(ofSession session: String) -> Set<Scope> {
        let given = Array(session.utf8)
        return entries.reduce(into: []) { if Self.areEqual($1.session, given) { $0.insert($1.scope) } }
    }

    /// What a browser keeps in place of `token`, in hexadecimal.
    ///
    /// It is SHA-256 of the token behind a fixed prefix, so every front that knows the token knows the session, without a
    /// store or a shared secret, and a session ends everywhere when its token leaves the file. It is safe because the digest
    /// cannot be turned round: whoever steals a session may do what its token may, while the token is in the file, but does not
    /// learn the token, which must be long enough that trying all is hopeless; and the prefix keeps a session from passing for
    /// the digest of anything else. That a page elsewhere cannot use it is the affair of `AccessControl`.
    static func session(of token: [UInt8]) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return SHA256.digest(Array("weir session 1\n".utf8) + token).flatMap {
            [digits[Int($0 >> 4)], digits[Int($0 & 15)]]
        }
    }

    /// Takes as long for a wrong value as for the right one.
    private static func areEqual(_ ours: [UInt8], _ given: [UInt8]) -> Bool {
        guard ours.count == given.count else { return false }
        var difference: UInt8 = 0
        for index in ours.indices { difference |= ours[index] ^ given[index] }
        return difference == 0
    }
}

/// What is wrong with a file of tokens.
package struct TokenError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Counted from 1.
    package let line: Int
    package let detail: String

    package var description: String { "line \(line): \(detail)" }
}
