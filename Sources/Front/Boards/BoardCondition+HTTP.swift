internal import Analytics
internal import WebServer
internal import Wire

extension BoardCondition {
    /// What `If-Match` and `If-None-Match` of a request that writes ask for.
    ///
    /// A weak tag is taken for its version: a server or proxy that compresses makes a tag weak, and a version names what a
    /// board says, however its bytes are packed.
    /// - Throws: `QueryError` naming the field that is malformed, or means nothing here.
    init(_ request: HTTPRequest) throws(QueryError) {
        let (match, noneMatch) = (request.fields.all("if-match"), request.fields.all("if-none-match"))
        if match.isEmpty, noneMatch.isEmpty {
            self = .none
        } else if match.isEmpty {
            guard noneMatch == ["*"] else {
                throw QueryError("If-None-Match", "must be *, which writes only where there is no such board yet")
            }
            self = .absent
        } else {
            guard noneMatch.isEmpty else { throw QueryError("If-None-Match", "contradicts If-Match; send one of them") }
            if match == ["*"] {
                self = .present
                return
            }
            var versions: [Int64] = []
            for part in match.joined(separator: ",").split(separator: ",", omittingEmptySubsequences: false) {
                var text = part.drop { $0 == " " }
                text = text.prefix { $0 != " " }
                if text.hasPrefix("W/") { text = text.dropFirst(2) }
                guard text.utf8.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") else {
                    throw QueryError("If-Match", "must be * or the ETag of an answer, as in \"1f\"")
                }
                // A tag that is none of ours matches nothing.
                versions.append(Int64(text.dropFirst().dropLast(), radix: 16) ?? -1)
            }
            self = .versions(versions)
        }
    }

    /// The tag of a version.
    static func tag(_ version: Int64) -> HTTPEntityTag { HTTPEntityTag(String(version, radix: 16), isWeak: false) }
}
