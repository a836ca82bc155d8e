internal import Analytics
internal import Service
internal import WebServer
internal import Wire

/// `GET /api/v1/audit`: whether every event that was accepted is accounted for.
struct AuditRoutes: Sendable {
    static let names = ["from", "to"]
    private static let hourMs: Int64 = 3_600_000
    /// As long as Redis keeps the books of an hour.
    private static let maxRangeMs: Int64 = 40 * 86_400_000

    let reader: AuditReader
    let time: TimeSource

    /// Answers with the books of the hours asked for, and of the partitions in all.
    func audit(_ request: HTTPRequest, _ responder: HTTPResponder) {
        if let refusal = unknownParameters(request, allowed: Self.names) { return responder.respond(refusal) }
        let range: Range<Int64>
        do throws(QueryError) {
            range = try Self.hours(request, nowMs: time.wallMs())
        } catch {
            return responder.respond(HTTPResponse(problem: .badRequest, detail: "\(error)."))
        }
        responder.respond {
            do throws(StoreError) {
                let (audit, degraded) = try await reader.read(range)
                var response = HTTPResponse(
                    .ok, .json, body: AuditText.json(audit, range: range, degraded: degraded))
                response.fields.append("Cache-Control", "no-cache")
                return response
            } catch {
                return HTTPResponse(failure: error)
            }
        }
    }

    /// The whole hours that the range touches.
    private static func hours(_ request: HTTPRequest, nowMs: Int64) throws(QueryError) -> Range<Int64> {
        let items = (try? request.head.queryItems()) ?? []
        func time(_ name: String, _ standard: String) throws(QueryError) -> Int64 {
            let text = items.first { $0.name == name }?.value ?? standard
            guard let ms = TimeExpression.parse(text, nowMs: nowMs), ms >= 0 else {
                throw QueryError(name, "must be RFC 3339, milliseconds since 1970, now, or relative as in -24h")
            }
            return ms
        }
        let (from, to) = (try time("from", "-24h"), try time("to", "now"))
        guard from < to else { throw QueryError("from", "must lie before to") }
        guard to - from <= maxRangeMs else {
            throw QueryError("from", "lies more than 40 days before to, and books are kept no longer")
        }
        return StepLadder.floor(from, hourMs)..<StepLadder.ceiling(to, hourMs)
    }
}
