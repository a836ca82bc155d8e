import Glibc
import Reactor
import Redis
import Service

extension RedisClient {
    /// Why a process that needs Redis is not ready.
    var unreadyReasons: [String] {
        if case .disconnected(let error) = state { return ["Redis is out of reach: \(error.detail)"] }
        return []
    }
}

extension MetricsRegistry {
    /// Which version runs.
    func addBuildInfo() {
        gauge("weir_build_info", help: "1; the version of this process.", labels: ["version": Weir.version]).set(1)
    }

    /// How long the loop's thread was busy without looking at its events.
    func addLoopDelay(_ loop: EventLoop) {
        function(
            .gauge, "weir_event_loop_delay_seconds",
            help: "Longest time since the last scrape in which the event loop was busy with one turn."
        ) { loop.delay.takeWorstSeconds() }
    }
}

/// Names this process among others: host and process number.
func processName() -> String {
    var name = [CChar](repeating: 0, count: 256)
    unsafe gethostname(&name, name.count - 1)
    let host = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    return "\(host)-\(getpid())"
}
