import TestKit

/// A random question, as a client asks it.
struct RawQuestion {
    static let steps: [Int64] = [
        1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400,
    ].map { $0 * 1_000 }
    static let dayMs: Int64 = 86_400_000

    /// What `label.NAME` keeps: patterns with `*` already told from `\*`.
    struct Pattern {
        let isExclusion: Bool
        /// The pieces between wildcards.
        let pieces: [String]

        /// As a request has it.
        var text: String {
            let pieces = pieces.map { piece in
                piece.reduce(into: "") { text, character in
                    if "\\,*!".contains(character) { text.append("\\") }
                    text.append(character)
                }
            }
            return (isExclusion ? "!" : "") + pieces.joined(separator: "*")
        }

        /// By trying every place for every piece.
        func matches(_ value: String) -> Bool {
            Self.matches(pieces[...].map { Array($0.utf8) }[...], Array(value.utf8)[...])
        }

        private static func matches(_ pieces: ArraySlice<[UInt8]>, _ rest: ArraySlice<UInt8>) -> Bool {
            guard let first = pieces.first else { return rest.isEmpty }
            guard rest.starts(with: first) else { return false }
            let after = rest.dropFirst(first.count)
            let others = pieces.dropFirst()
            if others.isEmpty { return after.isEmpty }
            return (after.startIndex...after.endIndex).contains { matches(others, after[$0...]) }
        }
    }

    let metric: RawMetric
    /// Empty for the default.
    var aggregations: [String] = []
    /// By places of labels, ascending by name.
    var by: [Int] = []
    var filter: [(label: Int, patterns: [Pattern])] = []
    var fromMs: Int64
    var toMs: Int64
    /// nil for `auto`.
    var stepMs: Int64?
    var limit: Int?
    var fillsZero = false

    /// The aggregations asked for, in order.
    var asked: [String] { aggregations.isEmpty ? [metric.aggregations[0]] : aggregations }

    /// Buckets without an event are answered as well.
    var fills: Bool { fillsZero && asked.contains { $0 == "count" || $0 == "rate" } }

    init(metric: RawMetric, fromMs: Int64, toMs: Int64) {
        self.metric = metric
        self.fromMs = fromMs
        self.toMs = toMs
    }

    /// A question whose range begins or ends near one of `edges` more often than not.
    static func random(nowMs: Int64, edges: [Int64], using rng: inout SplitMix64) -> RawQuestion {
        let metric = RawMetric.all.randomElement(using: &rng) ?? RawMetric.all[0]
        let asked = steps.randomElement(using: &rng) ?? 60_000
        // Steps between those there are rise to the next one.
        let step = Int.random(in: 0..<6, using: &rng) == 0 ? max(asked - 1_000, 1_000) : asked
        let points = Int64.random(in: 1...(Bool.random(using: &rng) ? 8 : 120), using: &rng)
        let length = max(min(points * step, 8 * dayMs), 1)
        let anchor =
            Int.random(in: 0..<8, using: &rng) == 0
            ? nowMs - Int64.random(in: 0...7 * dayMs, using: &rng) : edges.randomElement(using: &rng) ?? nowMs
        let fromMs = anchor - Int64.random(in: 0...length, using: &rng)
        var question = RawQuestion(metric: metric, fromMs: fromMs, toMs: fromMs + length)
        question.stepMs = Int.random(in: 0..<6, using: &rng) == 0 ? nil : step
        if Int.random(in: 0..<8, using: &rng) > 0 {
            var names = metric.aggregations
            if metric.hasQuantiles { names += ["p0", "p25", "p99.9", "p100"] }
            names.shuffle(using: &rng)
            question.aggregations = Array(names.prefix(Int.random(in: 1...4, using: &rng)))
        }
        question.by = metric.by.filter { _ in Bool.random(using: &rng) }
        for label in metric.by where Int.random(in: 0..<3, using: &rng) == 0 {
            let count = Int.random(in: 1...3, using: &rng)
            question.filter.append((label, (0..<count).map { _ in pattern(label, &rng) }))
        }
        question.limit = [nil, 1, 2, 5, 1_000, 1_000].randomElement(using: &rng) ?? nil
        question.fillsZero = Int.random(in: 0..<6, using: &rng) == 0
        return question
    }

    private static func pattern(_ label: Int, _ rng: inout SplitMix64) -> Pattern {
        let value = RawEvents.values[label].dropFirst().randomElement(using: &rng) ?? ""
        let scalars = Array(value.unicodeScalars)
        let cut = Int.random(in: 0...scalars.count, using: &rng)
        func text(_ part: ArraySlice<Unicode.Scalar>) -> String {
            var text = String.UnicodeScalarView()
            text.append(contentsOf: part)
            return String(text)
        }
        let pieces: [String] =
            switch Int.random(in: 0..<8, using: &rng) {
            case 0: [text(scalars[..<cut]), ""]
            case 1: ["", text(scalars[cut...])]
            case 2: ["", text(scalars[cut...].prefix(1)), ""]
            case 3: [text(scalars[..<cut]), text(scalars[cut...])]
            case 4: ["nothing"]
            default: [value]
            }
        return Pattern(isExclusion: Int.random(in: 0..<3, using: &rng) == 0, pieces: pieces)
    }

    // MARK: As texts

    /// `step` as a request has it.
    var stepText: String { stepMs.map { "\($0 / 1_000)s" } ?? "auto" }

    /// `name` and patterns of each condition.
    var filterTexts: [(label: String, patterns: String)] {
        filter.map { (RawEvents.labelNames[$0.label], $0.patterns.map(\.text).joined(separator: ",")) }
    }

    /// The address of `/api/v1/query`.
    var target: String {
        var items = [("metric", metric.name), ("from", "\(fromMs)"), ("to", "\(toMs)")]
        if !aggregations.isEmpty { items.append(("agg", aggregations.joined(separator: ","))) }
        if !by.isEmpty { items.append(("by", by.map { RawEvents.labelNames[$0] }.joined(separator: ","))) }
        if stepMs != nil { items.append(("step", stepText)) }
        if let limit { items.append(("limit", "\(limit)")) }
        if fillsZero { items.append(("fill", "zero")) }
        return "/api/v1/query?" + Self.encode(items + filterTexts.map { ("label.\($0.label)", $0.patterns) })
    }

    /// The address of `/api/v1/top`.
    func topTarget(k: Int) -> String {
        let items = [("metric", metric.name), ("from", "\(fromMs)"), ("to", "\(toMs)"), ("k", "\(k)")]
        return "/api/v1/top?" + Self.encode(items + filterTexts.map { ("label.\($0.label)", $0.patterns) })
    }

    private static func encode(_ items: [(String, String)]) -> String {
        items.map { name, value in
            name + "="
                + value.utf8.reduce(into: "") { text, byte in
                    let isPlain =
                        byte < 128
                        && (Character(UnicodeScalar(byte)).isLetter || Character(UnicodeScalar(byte)).isNumber)
                    text +=
                        isPlain
                        ? String(UnicodeScalar(byte))
                        : "%" + String(Int(byte) + 256, radix: 16).dropFirst().uppercased()
                }
        }.joined(separator: "&")
    }

    /// The least step there is of at least `ms`.
    static func rising(to ms: Int64) -> Int64 { steps.first { $0 >= ms } ?? dayMs }

    /// The step that is used where every tier holds it.
    var wantedStepMs: Int64 { max(Self.rising(to: stepMs ?? (toMs - fromMs) / 300), metric.finestMs) }
}
