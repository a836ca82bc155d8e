internal import Analytics
internal import Service
internal import WebServer
internal import Wire

/// `POST /api/v1/events`: checks events and answers when the log has them.
struct IngestRoute: Sendable {
    private static let maxKeyBytes = 256

    let queue: IngestQueue
    let lateMs: Int64
    let time: TimeSource
    let metrics: FrontMetrics

    func handle(_ request: HTTPRequest, _ responder: HTTPResponder) {
        if let refusal = unknownParameters(request) { return refuse(responder, refusal) }
        guard let format = Self.format(request) else {
            return refuse(
                responder,
                HTTPResponse(
                    problem: .unsupportedMediaType,
                    detail: "Send NDJSON as application/x-ndjson, or one object or an array as application/json."))
        }
        let keys = request.fields.all("idempotency-key")
        guard keys.count <= 1, keys.allSatisfy(Self.isKey) else {
            let detail =
                "Idempotency-Key must be given once, and be 1 to \(Self.maxKeyBytes) characters of printable ASCII."
            return refuse(responder, HTTPResponse(problem: .badRequest, detail: detail))
        }
        let receivedMs = time.wallMs()
        var packer = EventPacker(lateMs: lateMs)
        let packed = packer.pack(request.body, format, receivedMs: receivedMs)
        metrics.receivedBytes.add(request.body.count)
        metrics.rejectedEvents.add(packed.rejected)
        guard packed.accepted > 0 else {
            let detail =
                packed.rejected == 0
                ? "The body holds no event." : "None of the \(packed.rejected) events can be taken; see errors."
            return refuse(responder, IngestAnswer.refusal(detail, packed))
        }
        let answer = IngestAnswer.json(packed)
        let key = keys.first
        let group = AppendGroup(
            idempotencyKey: key, fingerprint: key == nil ? 0 : Fingerprint.of(request.body), receivedMs: receivedMs,
            entries: packed.entries, answer: key == nil ? [] : answer)
        let accepted = packed.accepted
        responder.respond {
            let beganNs = time.monotonicNs()
            let response = await store(group, accepted: accepted, answer)
            metrics.appendSeconds.observe(nanoseconds: time.monotonicNs() &- beganNs)
            return response
        }
    }

    private static func isKey(_ text: String) -> Bool {
        (1...maxKeyBytes).contains(text.utf8.count) && text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
    }

    private func refuse(_ responder: HTTPResponder, _ response: HTTPResponse) {
        metrics.ingested(.refused)
        responder.respond(response)
    }

    private func store(_ group: AppendGroup, accepted: Int, _ answer: [UInt8]) async -> HTTPResponse {
        do throws(IngestError) {
            switch try await queue.append(group) {
            case .appended:
                metrics.ingested(.accepted)
                metrics.acceptedEvents.add(accepted)
                return HTTPResponse(.accepted, .json, body: answer)
            case .duplicate(let first):
                metrics.ingested(.duplicate)
                return HTTPResponse(.accepted, .json, body: IngestAnswer.duplicate(of: first))
            case .conflict:
                metrics.ingested(.refused)
                return HTTPResponse(
                    problem: .unprocessable,
                    detail: "This Idempotency-Key was used for another body; use a new key for new events.")
            case .failed(let error): throw .store(error)
            }
        } catch {
            metrics.ingested(.failed)
            return Self.failure(error, hasKey: group.idempotencyKey != nil)
        }
    }

    private static func failure(_ error: IngestError, hasKey: Bool) -> HTTPResponse {
        var response: HTTPResponse
        var retryAfter = "1"
        switch error {
        case .busy:
            response = HTTPResponse(
                problem: .tooManyRequests, detail: "Too many events wait to be stored; send these again in a moment.")
        case .stopping:
            response = HTTPResponse(
                problem: .serviceUnavailable, detail: "The server is shutting down; send the events again.")
        case .store(let error):
            var detail = "The events could not be stored (\(error.detail)). Send them again"
            if error.mayHaveRun {
                detail +=
                    hasKey
                    ? " under the same Idempotency-Key: they then count once, whatever became of this request"
                    : "; they may have been stored all the same: with an Idempotency-Key a repetition counts once"
            }
            response = HTTPResponse(problem: .serviceUnavailable, detail: detail + ".")
            if error.code == .full { retryAfter = "5" }
        }
        response.fields.append("Retry-After", retryAfter)
        return response
    }

    private static func format(_ request: HTTPRequest) -> EventPacker.Format? {
        switch request.fields.contentType {
        case "application/x-ndjson", "application/ndjson", "application/jsonl": .lines
        case "application/json": .json
        default: nil
        }
    }
}

/// The answers of the ingest API.
enum IngestAnswer {
    /// `{"accepted":n,"rejected":m,"errors":[{"line":3,"error":"…"}]}`
    static func json(_ packed: EventPacker.Packed) -> [UInt8] {
        var json = Array("{".utf8)
        append(packed, to: &json)
        json.appendJSON(literal: "}")
        return json
    }

    /// The answer to a repetition: the first one's, marked.
    static func duplicate(of first: [UInt8]) -> [UInt8] { first.dropLast() + Array(",\"duplicate\":true}".utf8) }

    /// A problem report that says what is wrong with each event.
    static func refusal(_ detail: String, _ packed: EventPacker.Packed) -> HTTPResponse {
        var json = Problem(status: .badRequest, detail: detail).json
        json.removeLast()
        json.appendJSON(literal: ",")
        append(packed, to: &json)
        json.appendJSON(literal: "}")
        return HTTPResponse(.badRequest, .problem, body: json)
    }

    private static func append(_ packed: EventPacker.Packed, to json: inout [UInt8]) {
        json.appendJSON(literal: "\"accepted\":")
        json.appendJSON(packed.accepted)
        json.appendJSON(literal: ",\"rejected\":")
        json.appendJSON(packed.rejected)
        json.appendJSON(literal: ",\"errors\":")
        json.appendJSONList(packed.errors) { json, error in
            json.appendJSON(literal: "{\"line\":")
            json.appendJSON(error.line)
            json.appendJSON(literal: ",\"error\":")
            json.appendJSON(error.error)
            json.appendJSON(literal: "}")
        }
    }
}
