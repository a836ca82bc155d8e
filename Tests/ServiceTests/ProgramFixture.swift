import Service

enum Fixture {
    enum Format: String, CaseIterable, Sendable { case ndjson, combined }

    static let listen = Setting(
        "listen", .address, default: HostPort(host: "127.0.0.1", port: 8080), environment: "WEIR_LISTEN", key: "listen",
        group: "Listening", help: "Where to accept connections.")
    static let workListen = Setting(
        "listen", .address, default: HostPort(host: "127.0.0.1", port: 8081), environment: "WEIR_LISTEN", key: "listen",
        help: "Where health and metrics are served.")
    static let partitions = Setting(
        "partitions", .int(1...1024), default: 1, environment: "WEIR_PARTITIONS", key: "partitions",
        help: "Number of event-stream partitions.")
    static let late = Setting(
        "late", .duration(.seconds(60) ... .seconds(31_536_000)), default: .seconds(604_800), key: "late",
        help: "How late an event may be.")
    static let keepMinutes = Setting(
        "keep-minutes", .duration(), default: .seconds(777_600), key: "retention.minute",
        help: "How long minutes are kept.")
    static let redis = Setting(
        "redis-url", .text("URL"), default: "redis://127.0.0.1:6379", environment: "WEIR_REDIS_URL", key: "redis_url",
        secret: true, help: "The Redis server.")
    static let token = Setting(
        optional: "token", .text("TOKEN"), environment: "WEIR_TOKEN", secret: true, help: "A token.")
    static let origins = Setting(
        repeated: "allow-origin", .text("ORIGIN"), environment: "WEIR_ALLOW_ORIGIN", key: "allow_origin",
        help: "Another origin.")
    static let insecure = Setting(
        flag: "insecure", environment: "WEIR_INSECURE", key: "insecure", help: "Without tokens.")
    static let rate = Setting("rate", .double(0...1e6), default: 100, key: "rate", help: "Events a second.")
    static let format = Setting("format", .choice(), default: Format.ndjson, help: "How lines look.")
    static let limit = Setting("limit", .bytes(), default: .mebibytes(8), key: "limit", help: "The greatest body.")

    static let watch = Setting(optional: "watch", .duration(), bare: "2s", help: "Ask again.")

    static let program = Program(
        name: "weir", version: "1.2.3", summary: "measures streams",
        commands: [
            Command(
                "serve", summary: "HTTP and WebSocket front",
                settings: [listen, partitions, late, keepMinutes, redis, token, origins, insecure, limit],
                check: { settings, problems in
                    if settings[keepMinutes] < settings[late] + .seconds(172_800) {
                        problems.add(
                            keepMinutes, in: settings, "minutes must be kept at least two days longer than late")
                    }
                }),
            Command("work", summary: "the worker", settings: [workListen, rate]),
            Command(
                "send", summary: "real logs in", settings: [format, rate],
                positional: Positional("FILE", count: 0 ... .max, help: "Files to read.")),
            Command("scripts load", summary: "load the scripts"),
            Command("scripts list", summary: "list the scripts"),
            Command(
                "query", summary: "ask", settings: [watch],
                positional: Positional("METRIC", count: 1...1, help: "what to ask for")),
        ],
        sections: [
            ConfigurationSection("metrics") { value, problems in
                for (index, metric) in (value.elements ?? []).enumerated() where metric["name"] == nil {
                    problems.add("metrics[\(index)]", at: metric.position, "a metric needs a name")
                }
            }
        ])
}
