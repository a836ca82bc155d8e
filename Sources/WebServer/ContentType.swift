/// A media type, kept as the field that is sent.
package struct ContentType: Hashable, Sendable {
    /// `application/json`, with parameters where there are any.
    package let name: String
    /// True where compressing such bodies is worth the time.
    package let isCompressible: Bool

    package init(_ name: String) {
        self.name = name
        let types = [
            "text/", "application/json", "application/problem+json", "application/yaml", "application/javascript",
        ]
        isCompressible =
            (types.contains(where: name.hasPrefix) || name.hasPrefix("image/svg")
                || name.hasPrefix("application/x-ndjson"))
            && !name.hasPrefix("text/event-stream")
    }

    package static let json = ContentType("application/json")
    package static let problem = ContentType("application/problem+json")
    package static let text = ContentType("text/plain; charset=utf-8")
    package static let html = ContentType("text/html; charset=utf-8")
    package static let csv = ContentType("text/csv; charset=utf-8")
    package static let eventStream = ContentType("text/event-stream")
}
