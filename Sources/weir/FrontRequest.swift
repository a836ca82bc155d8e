import Service
import WebClient
import Wire

/// Asks a running front one thing, for commands that do a single piece of work and say how it went.
struct FrontRequest: Sendable {
    let client: HTTPClient
    let token: String?

    /// The JSON of an answer that is a success.
    ///
    /// - Throws: `StartError` with the exit code that says what is wrong: 69 nobody answers there, 77 the token is not
    ///   accepted, 76 the server refuses the request.
    func send(_ method: HTTPMethod, _ target: String, json body: [UInt8]? = nil) async throws(StartError) -> JSON5Value
    {
        let response = try await answer(method, target, json: body)
        guard let answer = try? JSON5.parse(response.body) else {
            throw StartError(.protocolError, "\(client.endpoint): the answer is no JSON")
        }
        return answer
    }

    /// An answer that is a success, as it comes.
    ///
    /// `accept` is the media type asked for, the server's own choice if nil; `badRequest` what 400 means for who asks: 64
    /// where the parameters are a user's own words. Throws as `send` does.
    func answer(
        _ method: HTTPMethod, _ target: String, json body: [UInt8]? = nil, accept: String? = nil,
        badRequest: ExitCode = .protocolError
    ) async throws(StartError) -> HTTPClientResponse {
        var request = HTTPClientRequest(method, target, body: body ?? [])
        if body != nil { request.fields.append("Content-Type", "application/json") }
        if let accept { request.fields.append("Accept", accept) }
        if let token { request.fields.append("Authorization", "Bearer \(token)") }
        let response: HTTPClientResponse
        do {
            response = try await client.send(request)
        } catch {
            throw StartError(.unavailable, "\(client.endpoint): \(error)")
        }
        if (200...299).contains(response.status.code) { return response }
        let problem = (try? JSON5.parse(response.body))?["detail"]?.string ?? response.status.description
        let detail = "\(client.endpoint): \(problem)"
        switch response.status.code {
        case 400: throw StartError(badRequest, detail)
        case 401, 403: throw StartError(.noPermission, detail)
        case 408, 425, 429, 500...599: throw StartError(.unavailable, detail)
        default: throw StartError(.protocolError, detail)
        }
    }
}
