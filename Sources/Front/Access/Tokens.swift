/// Who may do what: the tokens of `WEIR_TOKENS`, each with a scope.
package struct Tokens: Sendable {
    /// What a token allows; each includes nothing of the others but for `admin`, which allows everything.
    package enum Scope: String, CaseIterable, Sendable {
        case ingest, read, admin
    }

    private var entries: [(scope: Scope, token: [UInt8])] = []

    /// The name of the cookie that carries a token; the browser keeps it from scripts and sends it to our origin only.
    static let cookie = "weir_session"

    /// No tokens: everybody may do everything.
    package init() {}

    /// Reads lines of `scope token`; blank lines and those that begin with # are skipped.
    ///
    /// - Throws: `TokenError` with the line that is wrong; it never shows a token.
    package init(reading file: [UInt8]) throws(TokenError) {
        let text = String(decoding: file, as: UTF8.self)
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.split(whereSeparator: \.isWhitespace)
            if words.isEmpty || line.hasPrefix("#") { continue }
            guard words.count == 2, let scope = Scope(rawValue: String(words[0])) else {
                throw TokenError(
                    line: index + 1, detail: "expected \"scope token\", with the scope ingest, read or admin")
            }
            guard words[1].utf8.count >= 16 else {
                throw TokenError(line: index + 1, detail: "a token must have at least 16 characters")
            }
            entries.append((scope, Array(words[1].utf8)))
        }
        guard !entries.isEmpty else { throw TokenError(line: 1, detail: "the file holds no token") }
    }

    /// Tokens are asked for.
    package var isEmpty: Bool { entries.isEmpty }

    /// The scopes that `token` has; nil where nobody has it.
    func scopes(of token: String) -> Set<Scope>? {
        let given = Array(token.utf8)
        var found: Set<Scope> = []
        for entry in entries where Self.areEqual(entry.token, given) { found.insert(entry.scope) }
        return found.isEmpty ? nil : found
    }

    /// Takes as long for a wrong token as for the right one.
    private static func areEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        var difference = UInt8(a.count == b.count ? 0 : 1)
        for index in b.indices { difference |= b[index] ^ a[index % a.count] }
        return difference == 0
    }
}

/// What is wrong with a file of tokens.
package struct TokenError: Error, Sendable, CustomStringConvertible {
    /// Counted from 1.
    package let line: Int
    package let detail: String

    package var description: String { "line \(line): \(detail)" }
}
