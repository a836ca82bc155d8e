package import Service
package import Wire

/// Told what happens on a server, on its loop, for self-metrics.
package protocol HTTPServerObserver: Sendable {
    func connectionOpened()
    func connectionClosed()
    func webSocketOpened()
    func webSocketClosed()
    /// A request was answered, `seconds` after its head was complete; for a stream, its head was sent.
    func answered(_ status: HTTPStatus, seconds: Double)
}

/// The server's self-metrics in a registry: requests by class of status, their latency, connections.
package struct HTTPServerMetrics: HTTPServerObserver {
    private let byClass: [Counter]
    private let latency: Histogram
    private let connections: Gauge
    private let webSockets: Gauge

    /// Registers `weir_http_requests_total{class}`, `weir_http_request_seconds`, `weir_http_connections`,
    /// `weir_websocket_connections`.
    package init(registry: MetricsRegistry) {
        byClass = ["1xx", "2xx", "3xx", "4xx", "5xx"].map {
            registry.counter("weir_http_requests_total", help: "HTTP requests answered.", labels: ["class": $0])
        }
        latency = registry.histogram(
            "weir_http_request_seconds", help: "Time from a request's head to its answer, in seconds.",
            upperBounds: Histogram.latencySeconds)
        connections = registry.gauge("weir_http_connections", help: "Connections open, WebSockets included.")
        webSockets = registry.gauge("weir_websocket_connections", help: "WebSockets open.")
    }

    /// What the server calls.
    package func connectionOpened() { connections.add(1) }
    package func connectionClosed() { connections.add(-1) }
    package func webSocketOpened() { webSockets.add(1) }
    package func webSocketClosed() { webSockets.add(-1) }
    package func answered(_ status: HTTPStatus, seconds: Double) {
        byClass[min(max(status.code / 100, 1), 5) - 1].add()
        latency.observe(seconds)
    }
}
