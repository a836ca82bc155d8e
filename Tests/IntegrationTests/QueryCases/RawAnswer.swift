import Analytics
import Foundation
import TestKit

/// An answer, wherever it came from, as numbers.
struct RawAnswer: Sendable {
    struct Item: Equatable, Sendable, Decodable {
        let item: String
        let count: Int
    }

    /// What one bucket has of an aggregation.
    enum Value: Equatable, Sendable {
        case number(Double?)
        case items([Item])
    }

    struct Series: Sendable {
        /// For each label asked for the place of its value.
        let group: [Int]
        let times: [Int64]
        /// By aggregation, then by time.
        let values: [[Value]]
    }

    var fromMs: Int64
    var toMs: Int64
    var stepMs: Int64
    var series: [Series]
    var tiers: [String]
    var degraded: [String]
    var isTruncated: Bool

    /// Of what the query API sent.
    init(_ body: [UInt8], of question: RawQuestion) throws {
        let sent = try JSONDecoder().decode(Sent.self, from: Data(body))
        (fromMs, toMs, stepMs) = (sent.from, sent.to, sent.step)
        (tiers, degraded, isTruncated) = (sent.tiers, sent.degraded, sent.truncated ?? false)
        series = try sent.series.map { one in
            Series(
                group: try Self.group(one.labels, question), times: one.times,
                values: try question.asked.map { name in
                    guard let values = one.values[name], values.count == one.times.count else {
                        throw TestKitError("\(name) does not have one value for each time")
                    }
                    return values
                })
        }
    }

    /// Of an engine's own answer.
    init(_ answer: QueryAnswer, of question: RawQuestion) throws {
        (fromMs, toMs, stepMs) = (answer.query.fromMs, answer.query.toMs, answer.query.stepMs)
        (tiers, degraded, isTruncated) = (answer.tiers, answer.degraded, answer.isTruncated)
        series = try answer.series.map { one in
            let labels = Dictionary(one.labels.labels.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
            return Series(
                group: try Self.group(labels, question), times: one.times,
                values: zip(answer.query.aggregations, one.values).map { aggregation, values in
                    guard aggregation == .top else { return values.map { .number($0) } }
                    return one.items.map { items in
                        .items(
                            items.heaviest(10).map {
                                Item(item: String(decoding: $0.item, as: UTF8.self), count: $0.count)
                            })
                    }
                })
        }
    }

    private static func group(_ labels: [String: String], _ question: RawQuestion) throws -> [Int] {
        var left = labels
        let group = try question.by.map { label in
            guard let value = left.removeValue(forKey: RawEvents.labelNames[label]) else { return 0 }
            guard let place = RawEvents.values[label].firstIndex(where: { $0.utf8.elementsEqual(value.utf8) }) else {
                throw TestKitError("nobody has sent \(RawEvents.labelNames[label])=\(value)")
            }
            return place
        }
        guard left.isEmpty else { throw TestKitError("labels nobody asked for: \(left)") }
        return group
    }

    /// As CSV has it: a line for each series and time.
    func csv(_ question: RawQuestion) -> [String] {
        func field(_ text: String) -> String {
            text.utf8.contains { ",\"\r\n".utf8.contains($0) } ? "\"\(text.replacing("\"", with: "\"\""))\"" : text
        }
        let by = question.by.indices.sorted {
            RawEvents.labelNames[question.by[$0]] < RawEvents.labelNames[question.by[$1]]
        }
        var lines = [
            (["time"] + by.map { RawEvents.labelNames[question.by[$0]] } + question.asked).joined(separator: ",")
        ]
        for one in series {
            let labels = by.map { field(RawEvents.values[question.by[$0]][one.group[$0]]) }
            for (place, time) in one.times.enumerated() {
                let values = one.values.map { values in
                    switch values[place] {
                    case .number(let number): number.map { Self.text($0) } ?? ""
                    case .items(let items): field(items.map { "\($0.item)=\($0.count)" }.joined(separator: " "))
                    }
                }
                lines.append((["\(time)"] + labels + values).joined(separator: ","))
            }
        }
        return lines
    }

    private static func text(_ number: Double) -> String {
        Int64(exactly: number).map { "\($0)" } ?? number.description
    }
}

/// A query answer's JSON.
private struct Sent: Decodable {
    struct Series: Decodable {
        let labels: [String: String]
        let times: [Int64]
        let values: [String: [RawAnswer.Value]]

        init(from decoder: any Decoder) throws {
            let members = try decoder.container(keyedBy: Name.self)
            labels = try members.decode([String: String].self, forKey: Name("labels"))
            times = try members.decode([Int64].self, forKey: Name("t"))
            var values: [String: [RawAnswer.Value]] = [:]
            for name in members.allKeys where name.stringValue != "labels" && name.stringValue != "t" {
                values[name.stringValue] =
                    name.stringValue == "top"
                    ? try members.decode([[RawAnswer.Item]].self, forKey: name).map { .items($0) }
                    : try members.decode([Double?].self, forKey: name).map { .number($0) }
            }
            self.values = values
        }
    }

    struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    let from: Int64
    let to: Int64
    let step: Int64
    let series: [Series]
    let tiers: [String]
    let degraded: [String]
    let truncated: Bool?
}

/// An answer of `/api/v1/top`.
struct RawTop: Decodable {
    let from: Int64
    let to: Int64
    let items: [RawAnswer.Item]
    let total: Int
    let exact: Bool
    let degraded: [String]
}
