internal import Analytics
internal import Redis

/// One call of `weir_append`: what it says of some groups, and what Redis answers.
struct AppendCall {
    /// What is asked for a group.
    enum Kind {
        /// It has no key.
        case plain
        /// It has one and is appended before this moment of Redis' clock only.
        case keyed(beforeMs: Int64)
        /// Its key is looked up, from this moment on, and nothing appended.
        case look(fromMs: Int64)
    }

    struct Part {
        /// The group's place among those that are to be appended.
        let place: Int
        let kind: Kind
    }

    enum Reply {
        case outcome(AppendOutcome)
        /// It was not the time for it: its key has, or will have, another place.
        case elsewhere
        /// Looked up and not found.
        case unknown
    }

    let partition: Int
    let parts: [Part]

    func command(_ groups: [AppendGroup], keyLifeMs: Int) -> RedisCommand {
        let keys = Keys(partition: partition)
        var command = RedisCommand(
            function: "weir_append",
            keys: [keys.cursor, keys.events] + parts.compactMap { groups[$0.place].idempotencyKey.map(keys.once) })
        command.append(keyLifeMs)
        for part in parts {
            let group = groups[part.place]
            let (kind, limitMs): (Int, Int64) =
                switch part.kind {
                case .plain: (0, 0)
                case .keyed(let beforeMs): (1, beforeMs)
                case .look(let fromMs): (2, fromMs)
                }
            command.append(kind)
            command.append(String(group.fingerprint, radix: 16))
            command.append(Int(group.receivedMs))
            command.append(group.answer)
            command.append(Int(limitMs))
            if case .look = part.kind {
                // Only the number of events is of interest, for the books.
                command.append(1)
                command.append(group.entries.reduce(0) { $0 + $1.eventCount })
                command.append("")
                continue
            }
            command.append(group.entries.count)
            for entry in group.entries {
                command.append(entry.eventCount)
                command.append(entry.ndjson)
            }
        }
        return command
    }

    /// The reply of each part's group.
    func read(_ reply: RedisValue) -> [(place: Int, reply: Reply)] {
        if let error = reply.errorText { return failed(StoreError(RedisError(.rejected, "weir_append", error))) }
        let replies = (reply.array ?? []).compactMap(Self.reply)
        guard replies.count == parts.count else {
            return failed(malformed("weir_append", "not an outcome for each group"))
        }
        return zip(parts, replies).map { ($0.place, $1) }
    }

    /// The same failure for each part's group.
    func failed(_ error: StoreError) -> [(place: Int, reply: Reply)] {
        parts.map { ($0.place, .outcome(.failed(error))) }
    }

    private static func reply(_ value: RedisValue) -> Reply? {
        guard let bytes = value.bytes else { return nil }
        switch bytes {
        case Array("OK".utf8): return .outcome(.appended)
        case Array("CONFLICT".utf8): return .outcome(.conflict)
        case Array("MOVED".utf8), Array("EARLY".utf8): return .elsewhere
        case Array("NONE".utf8): return .unknown
        default:
            let duplicate = Array("DUPLICATE ".utf8)
            guard bytes.starts(with: duplicate) else { return nil }
            return .outcome(.duplicate(answer: Array(bytes[duplicate.count...])))
        }
    }
}
