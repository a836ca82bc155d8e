/// How long each resolution of history is to be kept, in seconds.
package struct RetentionTimes: Equatable, Sendable {
    package var minutes: Int64
    package var hours: Int64
    package var days: Int64

    /// - Parameters: seconds, each above 0.
    package init(minutes: Int64 = 9 * 86_400, hours: Int64 = 400 * 86_400, days: Int64 = 3_650 * 86_400) {
        self.minutes = minutes
        self.hours = hours
        self.days = days
    }

    /// Of one resolution, seconds.
    package subscript(resolution: HistoryResolution) -> Int64 {
        switch resolution {
        case .minute: minutes
        case .hour: hours
        case .day: days
        }
    }
}

/// How long one resolution is kept. What is kept for less than before goes a day after that was first seen and said, so that a
/// mistake in a configuration deletes nothing at once.
package struct RetentionState: Equatable, Sendable {
    /// Seconds from the first sight of a shorter time until it takes effect.
    package static let notice: Int64 = 86_400

    /// In effect, seconds; nil: all is kept.
    package var keep: Int64?
    /// A shorter time that is configured, seconds.
    package var asked: Int64?
    /// When that was first seen, ms since 1970.
    package var askedAtMs: Int64?

    package init(keep: Int64? = nil, asked: Int64? = nil, askedAtMs: Int64? = nil) {
        self.keep = keep
        self.asked = asked
        self.askedAtMs = askedAtMs
    }

    /// When what is asked for takes effect, ms since 1970; nil where nothing else is asked for.
    package var effectiveAtMs: Int64? { askedAtMs.map { $0 + Self.notice * 1_000 } }

    /// The state once `configured` seconds are seen.
    package func seeing(_ configured: Int64, nowMs: Int64) -> Self {
        if let keep, configured >= keep { return Self(keep: configured) }
        guard let asked, let askedAtMs, asked <= configured else {
            return Self(keep: keep, asked: configured, askedAtMs: nowMs)
        }
        if nowMs >= askedAtMs + Self.notice * 1_000 { return Self(keep: configured) }
        return Self(keep: keep, asked: configured, askedAtMs: askedAtMs)
    }
}

/// What retention did, or would do.
package struct RetentionReport: Equatable, Sendable {
    /// A partition, with its size in bytes.
    package struct Partition: Equatable, Sendable {
        package let name: String
        package let bytes: Int64

        package init(name: String, bytes: Int64) {
            self.name = name
            self.bytes = bytes
        }
    }

    /// A shorter time that is not in effect yet.
    package struct Notice: Equatable, Sendable {
        package let resolution: HistoryResolution
        /// Seconds.
        package let keep: Int64
        /// ms since 1970.
        package let effectiveAtMs: Int64
        /// What will go then, as of today.
        package let partitions: [Partition]

        package init(
            resolution: HistoryResolution, keep: Int64, effectiveAtMs: Int64, partitions: [Partition]
        ) {
            self.resolution = resolution
            self.keep = keep
            self.effectiveAtMs = effectiveAtMs
            self.partitions = partitions
        }
    }

    /// Dropped, or about to be in a pass that is no dry run.
    package var dropped: [Partition] = []
    package var notices: [Notice] = []

    package init() {}
}

/// From where on history is held, ms since 1970: what is older is held in coarser buckets only.
package struct HistoryHeld: Equatable, Sendable {
    package var minutesFromMs: Int64
    package var hoursFromMs: Int64

    /// All of it.
    package static let all = Self(minutesFromMs: .min, hoursFromMs: .min)

    package init(minutesFromMs: Int64, hoursFromMs: Int64) {
        self.minutesFromMs = minutesFromMs
        self.hoursFromMs = hoursFromMs
    }
}
