internal import Reactor
internal import Service
internal import Wire

extension HTTPConnection {
    /// True while the answer to exchange `number` is awaited or under way.
    func isCurrent(_ number: UInt64) -> Bool { phase == .handling && number == exchangeNumber && exchange != nil }

    func onCancel(_ number: UInt64, _ body: @escaping @Sendable () -> Void) {
        if isCurrent(number) {
            exchange?.onCancel.append(body)
        } else if phase == .closed {
            body()
        }
    }

    func report(_ error: any Error) {
        context.logger.debug("a handler failed", ["error": .string("\(error)")])
    }

    // MARK: Whole responses

    func respond(_ number: UInt64, _ response: HTTPResponse) {
        guard isCurrent(number), let exchange, !exchange.streams else { return }
        let keepAlive = exchange.head.keepAlive && !isDraining
        socket.cork()
        let status = writeWhole(response, to: exchange, keepAlive: keepAlive)
        answered(status, exchange.head.method, sinceNs: exchange.beganNs, nowNs: context.nowNs)
        exchangeEnded(keepAlive: keepAlive)
        socket.uncork()
    }

    /// Sends `response`, or that the client has it already; returns the status that was sent.
    func writeWhole(_ response: HTTPResponse, to exchange: Exchange?, keepAlive: Bool) -> HTTPStatus {
        var fields = response.fields
        let coding = coding(of: response, exchange, &fields)
        let isKnown = isKnown(response, exchange, coding, &fields)
        let status = isKnown ? .notModified : response.status
        let body = isKnown ? [] : encoded(response, coding, &fields)
        if !isKnown, let type = response.contentType { fields.append("Content-Type", type.name) }
        // A 304 tells the length of what was not sent only if that is known; leaving it out is always right.
        let length: HTTPEncoder.BodyLength = status.allowsBody ? .fixed(body.count) : .unstated
        socket.write { output in
            HTTPEncoder.appendResponseHead(
                status, fields: fields, length: length, keepAlive: keepAlive,
                minorVersion: exchange?.head.minorVersion ?? 1, dateLine: dateLine, to: &output)
        }
        if status.allowsBody && exchange?.head.method != .head { socket.write(body) }
        return status
    }

    private enum Coding { case identity, gzip }

    /// How the body is to be sent. What depends on the client's wish says so, in a 304 too.
    private func coding(of response: HTTPResponse, _ exchange: Exchange?, _ fields: inout HTTPFieldList) -> Coding {
        let large = response.body.count >= configuration.compressFromBytes
        let canCompress =
            response.gzippedBody != nil || large && response.contentType?.isCompressible == true
        guard canCompress, let exchange else { return .identity }
        fields.append("Vary", "Accept-Encoding")
        return exchange.acceptsGzip ? .gzip : .identity
    }

    /// Whether the client asked for nothing but a newer version than this one.
    private func isKnown(
        _ response: HTTPResponse, _ exchange: Exchange?, _ coding: Coding, _ fields: inout HTTPFieldList
    ) -> Bool {
        guard let tag = response.entityTag, [.ok, .created].contains(response.status), let head = exchange?.head
        else { return false }
        // One tag for two codings can only be a weak one.
        fields.append("ETag", (coding == .gzip ? tag.weakened : tag).description)
        return (head.method == .get || head.method == .head) && head.fields.hasNoneMatch(tag)
    }

    /// The bytes of the body as the client gets them.
    private func encoded(_ response: HTTPResponse, _ coding: Coding, _ fields: inout HTTPFieldList) -> [UInt8] {
        guard coding == .gzip else { return response.body }
        let packed = response.gzippedBody ?? response.compressedBody
        guard packed.count < response.body.count else { return response.body }
        fields.append("Content-Encoding", "gzip")
        return packed
    }

    func answered(_ status: HTTPStatus, _ method: HTTPMethod?, sinceNs: UInt64, nowNs: UInt64) {
        let seconds = Double(nowNs - min(sinceNs, nowNs)) / 1e9
        context.observer?.answered(status, seconds: seconds)
        context.logger.debug(
            "request",
            [
                "peer": .string("\(socket.peer)"), "method": .string(method?.description ?? "-"),
                "target": .string(exchange?.head.rawTarget ?? "-"), "status": .int(status.code),
                "ms": .double(seconds * 1e3),
            ])
    }

    // MARK: Streams

    func beginStream(_ number: UInt64, _ status: HTTPStatus, _ type: ContentType, _ extra: HTTPFieldList) {
        guard isCurrent(number), var current = exchange, !current.streams else { return }
        var fields = extra
        fields.append("Content-Type", type.name)
        current.streams = true
        current.isChunked = current.head.minorVersion > 0
        exchange = current
        if type == .eventStream { socket.setSendBuffer(bytes: configuration.webSocket.sendBufferBytes) }
        // HTTP/1.0 knows no chunks: there the end of the connection ends the body.
        let keepAlive = current.isChunked && current.head.keepAlive && !isDraining
        socket.write { output in
            HTTPEncoder.appendResponseHead(
                status, fields: fields, length: current.isChunked ? .chunked : .unstated, keepAlive: keepAlive,
                minorVersion: current.head.minorVersion, dateLine: dateLine, to: &output)
        }
        answered(status, current.head.method, sinceNs: current.beganNs, nowNs: context.nowNs)
    }

    func streamWrite(_ number: UInt64, _ bytes: [UInt8]) {
        guard isCurrent(number), let exchange, exchange.streams, exchange.head.method != .head else { return }
        guard exchange.isChunked else { return socket.write(bytes) }
        socket.write { HTTPEncoder.appendChunk(bytes, to: &$0) }
    }

    func isChunkedStream(_ number: UInt64) -> Bool { isCurrent(number) && exchange?.isChunked == true }

    func streamWrite(_ number: UInt64, encoded bytes: [UInt8], unlessWaiting limit: Int) -> Bool {
        guard isCurrent(number) else { return true }
        guard socket.pendingBytes <= limit else { return false }
        socket.write(bytes)
        return true
    }

    func streamFinish(_ number: UInt64) {
        guard isCurrent(number), let exchange, exchange.streams else { return }
        socket.cork()
        if exchange.isChunked && exchange.head.method != .head { socket.write(HTTPEncoder.lastChunk) }
        exchangeEnded(keepAlive: exchange.isChunked && exchange.head.keepAlive && !isDraining)
        socket.uncork()
    }

    func onDrained(_ number: UInt64, _ body: @escaping @Sendable () -> Void) {
        guard isCurrent(number) else { return }
        exchange?.onDrained = body
    }
}
