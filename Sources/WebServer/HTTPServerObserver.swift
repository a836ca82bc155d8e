package import Service
package import Wire

/// Told what happens on a server, on its loop, for self-metrics.
package protocol HTTPServerObserver: Sendable {
    func connectionOpened()
    func connectionClosed()
    func webSocketOpened()
    func webSocketClosed()
    /// A message was compressed, for all clients that get it.
    func webSocketCompressed(fromBytes: Int, toBytes: Int)
    /// A request was answered, `seconds` after its head was complete; for a stream, its head was sent.
    func answered(_ status: HTTPStatus, seconds: Double)
}

/// The server's self-metrics in a registry: requests by class of status, their latency, connections.
package struct HTTPServerMetrics: HTTPServerObserver {
    private let byClass: [Counter]
    private let latency: Histogram
    private let connections: Gauge
    private let webSockets: Gauge
    private let compressions: Counter
    private let plainBytes: Counter
    private let compressedBytes: Counter

    /// Registers `weir_http_requests_total{class}`, `weir_http_request_seconds`, `weir_http_connections`,
    /// `weir_websocket_connections` and `weir_websocket_compress…`.
    package init(registry: MetricsRegistry) {
        byClass = ["1xx", "2xx", "3xx", "4xx", "5xx"].map {
            registry.counter("weir_http_requests_total", help: "HTTP requests answered.", labels: ["class": $0])
        }
        latency = registry.histogram(
            "weir_http_request_seconds", help: "Time from a request's head to its answer, in seconds.",
            upperBounds: Histogram.latencySeconds)
        connections = registry.gauge("weir_http_connections", help: "Connections open, WebSockets included.")
        webSockets = registry.gauge("weir_websocket_connections", help: "WebSockets open.")
        compressions = registry.counter(
            "weir_websocket_compressions_total", help: "Messages compressed, each once for all clients that get it.")
        plainBytes = registry.counter(
            "weir_websocket_compress_input_bytes_total", help: "Bytes of these messages before.")
        compressedBytes = registry.counter(
            "weir_websocket_compress_output_bytes_total", help: "Bytes of these messages after.")
    }

    /// What the server calls.
    package func connectionOpened() { connections.add(1) }
    package func connectionClosed() { connections.add(-1) }
    package func webSocketOpened() { webSockets.add(1) }
    package func webSocketClosed() { webSockets.add(-1) }
    package func webSocketCompressed(fromBytes: Int, toBytes: Int) {
        compressions.add()
        plainBytes.add(fromBytes)
        compressedBytes.add(toBytes)
    }
    package func answered(_ status: HTTPStatus, seconds: Double) {
        byClass[min(max(status.code / 100, 1), 5) - 1].add()
        latency.observe(seconds)
    }
}
