/// What must be known of an answer beside its numbers.
package enum AnswerNotes {
    /// What is missing from the answer; nothing where it is whole.
    package static func warnings(_ reply: QueryReply) -> [String] {
        warnings(degraded: reply.degraded, isTruncated: reply.isTruncated)
    }

    /// The same of an answer in another form than JSON.
    package static func warnings(degraded: [String], isTruncated: Bool) -> [String] {
        var warnings: [String] = []
        if !degraded.isEmpty {
            let stores = degraded.map(name).joined(separator: " and ")
            warnings.append("the answer is not whole: \(stores) did not answer, and what only it holds is missing")
        }
        if isTruncated {
            warnings.append("more series match than are shown, the heaviest; --limit shows more, --label asks for some")
        }
        return warnings
    }

    /// How fresh the answer is and where it comes from; nil where the front has seen no event yet.
    package static func freshness(_ reply: QueryReply, nowMs: Int64, zone: TerminalZone) -> String? {
        guard reply.asOfMs > 0 else { return nil }
        let ageMs = max(0, nowMs - reply.asOfMs)
        let age = Self.age(ageMs)
        let local = zone.local(reply.asOfMs)
        let isToday = local.date == zone.local(nowMs).date
        let time = (isToday ? "" : local.date + " ") + local.clock(seconds: true)
        let tiers = reply.tiers.isEmpty ? "" : ", from \(reply.tiers.map(name).joined(separator: ", "))"
        return "newest event \(time), \(age) ago\(tiers)"
    }

    /// `0.4 s`, `25 s`, `40 min`, `5 h`, `3 d`.
    private static func age(_ ms: Int64) -> String {
        switch ms {
        case ..<10_000: NumberText.fixed(Double(ms) / 1_000, decimals: 1) + " s"
        case ..<120_000: "\(ms / 1_000) s"
        case ..<7_200_000: "\(ms / 60_000) min"
        case ..<172_800_000: "\(ms / 3_600_000) h"
        default: "\(ms / 86_400_000) d"
        }
    }

    private static func name(_ tier: String) -> String {
        switch tier {
        case "redis": "Redis"
        case "postgres": "PostgreSQL"
        default: tier
        }
    }
}
