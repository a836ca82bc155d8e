import Analytics
import Service
import Wire

/// Settings that several commands have.
enum Shared {
    private static let stores = "Stores"
    private static let server = "Server to talk to"

    static let redis = Setting(
        "redis-url", .text("URL"), default: "redis://127.0.0.1:6379", environment: "WEIR_REDIS_URL", key: "redis_url",
        group: stores, secret: true, help: "Redis: redis://[user:password@]host:port[/db] or unix:///path.")
    static let postgres = Setting(
        "postgres-url", .text("URL"), default: "postgres://127.0.0.1:5432/weir", environment: "WEIR_POSTGRES_URL",
        key: "postgres_url", group: stores, secret: true, help: "PostgreSQL: any libpq connection string.")
    static let partitions = Setting(
        "partitions", .int(1...256), default: 1, environment: "WEIR_PARTITIONS", key: "partitions", group: stores,
        help: "Event-stream partitions; there are never fewer than there were.")
    static let late = Setting(
        "late", .duration(.seconds(60) ... .seconds(400 * 86_400)), default: .seconds(7 * 86_400), key: "late",
        help: "Older events are refused.")

    static let wait = Setting(
        "wait", .duration(.zero ... .seconds(3_600)), default: .zero, environment: "WEIR_WAIT", group: stores,
        help: "Try for so long where the store is out of reach, as when both are started together.")

    static let url = Setting(
        "url", .text("URL"), default: "http://127.0.0.1:8080", environment: "WEIR_URL", key: "url", group: server,
        help: "The address of a running front.")
    static let token = Setting(
        optional: "token", .text("TOKEN"), environment: "WEIR_TOKEN", group: server, secret: true,
        help: "A token that the front knows, where it asks for one.")

    /// Where a process listens for its health and metrics.
    static func operationListen(port: UInt16) -> Setting<HostPort> {
        Setting(
            "listen", .address, default: HostPort(host: "127.0.0.1", port: port), environment: "WEIR_LISTEN",
            key: "listen", help: "Where /healthz, /readyz and /metrics are served.")
    }
}

/// The `metrics` of the configuration file.
enum MetricsSection {
    static let section = ConfigurationSection("metrics") { value, problems in
        var found: [MetricDefinitionJSON.Problem] = []
        _ = MetricDefinitionJSON.read(value, path: "metrics", problems: &found)
        for problem in found { problems.add(problem.path, at: problem.position, problem.detail) }
    }

    /// The configured metrics, or the built-in ones.
    static func metrics(_ settings: Settings) -> [MetricDefinition] {
        guard let list = settings.configuration?.root["metrics"] else { return builtIn }
        var problems: [MetricDefinitionJSON.Problem] = []
        return MetricDefinitionJSON.read(list, path: "metrics", problems: &problems)
    }

    /// What is counted where nothing is configured.
    static let builtIn: [MetricDefinition] = {
        let by = ["service", "endpoint"]
        let isFailure: Condition
        do {
            isFailure = try Condition(parsing: "status >= 500")
        } catch {
            preconditionFailure("the built-in condition is right: \(error)")
        }
        return [
            MetricDefinition(id: .events, name: "request_count", kind: .counter, by: by),
            MetricDefinition(id: .events, name: "error_rate", kind: .ratio, by: by, match: isFailure),
            MetricDefinition(
                id: .events, name: "response_time", kind: .distribution, value: "duration_ms", unit: "ms", by: by),
            MetricDefinition(id: .events, name: "active_users", kind: .unique, value: "user", by: ["service"]),
            MetricDefinition(id: .events, name: "top_endpoints", kind: .top, value: "endpoint", by: ["service"]),
        ]
    }()
}
