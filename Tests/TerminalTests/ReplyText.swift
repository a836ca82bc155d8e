import Service
import TestKit

@testable import Terminal

/// An answer of the query API made of what a test says of it.
enum ReplyText {
    /// 2026-11-24 10:00 UTC.
    static let tenOClock: Int64 = 1_795_514_400_000

    /// `series` is JSON, with times as `@0`, `@1` for the first and second bucket.
    static func reply(
        _ series: String, unit: String = "ms", buckets: Int64 = 6, stepMs: Int64 = 600_000, more: String = ""
    ) throws -> QueryReply {
        var series = series
        for bucket in (0...buckets).reversed() {
            series = series.replacing("@\(bucket)", with: String(tenOClock + bucket * stepMs))
        }
        let text = """
            {"metric":"response_time","unit":"\(unit)","from":\(tenOClock),"to":\(tenOClock + buckets * stepMs),
             "step":\(stepMs),"series":[\(series)],"tiers":["memory","redis"],"as_of":\(tenOClock + 100),
             "degraded":[]\(more),"took_ms":0.4}
            """
        guard let reply = QueryReply(try JSON5.parse(Array(text.utf8))) else { throw TestKitError("no reply: \(text)") }
        return reply
    }

    /// Without the colours that a terminal obeys.
    static func plain(_ text: String) -> String {
        text.replacing(/\u{1B}\[[0-9;]*m/, with: "")
    }
}

/// A JSON value.
func json(_ text: String) throws -> JSON5Value { try JSON5.parse(Array(text.utf8)) }
