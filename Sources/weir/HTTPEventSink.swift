import Analytics
import Producer
import Reactor
import Service
import WebClient
import Wire

/// Hands batches of events to a running front.
struct HTTPEventSink: EventSink {
    private let client: HTTPClient
    private let token: String?

    init(client: HTTPClient, token: String?) {
        self.client = client
        self.token = token
    }

    func send(_ batch: EventBatch) async throws(SinkError) -> IngestAnswer {
        var request = HTTPClientRequest(.post, "/api/v1/events", body: batch.body)
        request.fields.append("Content-Type", "application/x-ndjson")
        request.fields.append("Idempotency-Key", batch.key)
        if let token { request.fields.append("Authorization", "Bearer \(token)") }
        let response: HTTPClientResponse
        do {
            response = try await client.send(request)
        } catch {
            throw .unavailable(detail: "\(client.endpoint): \(error)", retryAfter: nil)
        }
        let body = try? JSON5.parse(response.body)
        let detail = body?["detail"]?.string ?? response.status.description
        switch response.status.code {
        case 200...299: return Self.answer(body, batch)
        case 408, 425, 429, 500...599:
            let wait = response.fields["retry-after"].flatMap { Int($0) }.map { Duration.seconds($0) }
            throw .unavailable(detail: detail, retryAfter: wait)
        default: throw .refused(status: response.status.code, detail: detail, lines: Self.lines(body))
        }
    }

    private static func answer(_ body: JSON5Value?, _ batch: EventBatch) -> IngestAnswer {
        IngestAnswer(
            accepted: body?["accepted"]?.integer.map(Int.init) ?? batch.count,
            rejected: body?["rejected"]?.integer.map(Int.init) ?? 0, errors: lines(body),
            duplicate: body?["duplicate"]?.bool ?? false)
    }

    private static func lines(_ body: JSON5Value?) -> [RejectedLine] {
        (body?["errors"]?.elements ?? []).compactMap { element in
            guard let line = element["line"]?.integer, let reason = element["error"]?.string else { return nil }
            return RejectedLine(line: Int(line), reason: reason)
        }
    }
}

/// A client of the front that the settings name.
func frontClient(
    _ settings: Settings, loop: EventLoop, configuration: HTTPClientConfiguration = HTTPClientConfiguration()
) throws -> HTTPClient {
    guard let endpoint = HTTPEndpoint(settings[Shared.url]) else {
        throw StartError(
            .configuration, "--url: \"\(settings[Shared.url])\" is not an address like http://127.0.0.1:8080")
    }
    return HTTPClient(loop: loop, endpoint: endpoint, configuration: configuration)
}
