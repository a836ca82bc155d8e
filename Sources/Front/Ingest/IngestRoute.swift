internal import Analytics
internal import Service
internal import WebServer
internal import Wire

/// `POST /api/v1/events`: checks events and answers when the log has them.
struct IngestRoute: Sendable {
    let queue: IngestQueue
    let lateMs: Int64
    let time: TimeSource
    let metrics: FrontMetrics

    func handle(_ request: HTTPRequest, _ responder: HTTPResponder) {
        guard let format = Self.format(request) else {
            return responder.respond(
                HTTPResponse(
                    problem: .unsupportedMediaType,
                    detail: "Send NDJSON as application/x-ndjson, or one object or an array as application/json."))
        }
        let key = request.fields["idempotency-key"]
        if let key, key.isEmpty || key.utf8.count > 256 {
            return responder.respond(
                HTTPResponse(problem: .badRequest, detail: "Idempotency-Key must have 1 to 256 characters."))
        }
        let receivedMs = time.wallMs()
        var packer = EventPacker(lateMs: lateMs)
        let packed = packer.pack(request.body, format, receivedMs: receivedMs)
        metrics.received(accepted: packed.accepted, rejected: packed.rejected)
        let answer = Self.answer(packed)
        guard packed.accepted > 0 else {
            let detail =
                packed.rejected == 0
                ? "The body holds no event." : "None of the \(packed.rejected) events can be taken; see errors."
            return responder.respond(Self.refusal(detail, packed))
        }
        let group = AppendGroup(
            idempotencyKey: key, fingerprint: key == nil ? 0 : Self.fingerprint(request.body), receivedMs: receivedMs,
            entries: packed.entries, answer: key == nil ? [] : answer)
        responder.respond { await Self.respond(to: group, answer, queue, hasKey: key != nil) }
    }

    private static func respond(
        to group: AppendGroup, _ answer: [UInt8], _ queue: IngestQueue, hasKey: Bool
    ) async -> HTTPResponse {
        do {
            switch try await queue.append(group) {
            case .appended: return HTTPResponse(.accepted, .json, body: answer)
            case .duplicate(let first):
                return HTTPResponse(
                    .accepted, .json, body: first.dropLast() + Array(",\"duplicate\":true}".utf8))
            case .conflict:
                return HTTPResponse(
                    problem: .unprocessable,
                    detail: "This Idempotency-Key was used for another body; use a new key for new events.")
            }
        } catch {
            var detail = "The events could not be stored (\(error.detail)). Send them again"
            if error.mayHaveRun {
                detail +=
                    hasKey
                    ? " under the same Idempotency-Key: they then count once, whatever became of this request"
                    : "; they may have been stored all the same: with an Idempotency-Key a repetition counts once"
            }
            var response = HTTPResponse(problem: .serviceUnavailable, detail: detail + ".")
            response.fields.append("Retry-After", error.code == .full ? "5" : "1")
            return response
        }
    }

    private static func format(_ request: HTTPRequest) -> EventPacker.Format? {
        switch request.fields.contentType {
        case "application/x-ndjson", "application/ndjson", "application/jsonl": .lines
        case "application/json": .json
        default: nil
        }
    }

    private static func answer(_ packed: EventPacker.Packed) -> [UInt8] {
        var json: [UInt8] = []
        json.appendJSON(literal: "{\"accepted\":")
        json.appendJSON(packed.accepted)
        json.appendJSON(literal: ",\"rejected\":")
        json.appendJSON(packed.rejected)
        append(packed.errors, to: &json)
        json.appendJSON(literal: "}")
        return json
    }

    private static func refusal(_ detail: String, _ packed: EventPacker.Packed) -> HTTPResponse {
        var json = Problem(status: .badRequest, detail: detail).json
        json.removeLast()
        json.appendJSON(literal: ",\"accepted\":0,\"rejected\":")
        json.appendJSON(packed.rejected)
        append(packed.errors, to: &json)
        json.appendJSON(literal: "}")
        return HTTPResponse(.badRequest, .problem, body: json)
    }

    private static func append(_ errors: [(line: Int, error: String)], to json: inout [UInt8]) {
        json.appendJSON(literal: ",\"errors\":[")
        for (index, error) in errors.enumerated() {
            if index > 0 { json.append(UInt8(ascii: ",")) }
            json.appendJSON(literal: "{\"line\":")
            json.appendJSON(error.line)
            json.appendJSON(literal: ",\"error\":")
            json.appendJSON(error.error)
            json.appendJSON(literal: "}")
        }
        json.appendJSON(literal: "]")
    }

    /// FNV-1a: tells a repetition from another body by mistake; nobody gains by making two collide.
    private static func fingerprint(_ body: [UInt8]) -> UInt64 {
        body.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}
