import Analytics
import RedisStore
import Service

/// Tells in the log what a process learns of the stores while it runs: once, when it changes.
final class StoreNotices: Sendable {
    private struct Told {
        var partitionCount = 0
        var mustWait = false
        var isFull = false
        var evicts = false
    }

    private let configuredCount: Int
    /// A number of partitions that nobody asked for is nothing to speak of.
    private let isConfigured: Bool
    private let logger: Logger
    private let told = Lock(Told())

    init(_ settings: Settings, logger: Logger) {
        configuredCount = settings[Shared.partitions]
        isConfigured = settings.origin(of: Shared.partitions) != .builtIn
        self.logger = logger
    }

    func take(_ layout: PartitionLayout) {
        let before = told.withLock { told in
            defer {
                told.partitionCount = layout.count
                told.mustWait = layout.growth == .mustWait
            }
            return told
        }
        let count: LogFields = ["partitions": .int(layout.count), "configured": .int(configuredCount)]
        if layout.growth == .mustWait, !before.mustWait {
            logger.warning(
                "the number of partitions has grown too often within the life of an idempotency key; it grows again when "
                    + "the oldest keys have expired", count)
        }
        guard layout.count != before.partitionCount else { return }
        if before.partitionCount > 0 || layout.growth == .grew {
            logger.notice("there are more partitions now", count)
        } else if layout.count > configuredCount, isConfigured {
            logger.notice("fewer partitions are configured than there are; their number never falls", count)
        }
    }

    func take(_ memory: RedisMemory) {
        let before = told.withLock { told in
            defer {
                told.isFull = memory.isFull()
                told.evicts = memory.evicts
            }
            return told
        }
        if memory.isFull() != before.isFull {
            if memory.isFull() {
                logger.error("new events are refused", ["reason": "\(memory.fullness())"])
            } else {
                logger.notice("Redis has room again: new events are taken")
            }
        }
        if memory.evicts, !before.evicts { logger.error("\(Self.eviction(memory))") }
    }

    /// What is wrong with a Redis that evicts, and the way out.
    static func eviction(_ memory: RedisMemory) -> String {
        "Redis may throw away events that were accepted (maxmemory-policy \(memory.policy)); set it right, also in "
            + "redis.conf: redis-cli CONFIG SET maxmemory-policy noeviction"
    }
}
