/// Which series a question is about, by their labels.
///
/// For each label a list of patterns: `a` keeps series with that value, `!a` leaves them out, `*` stands for any text and `\`
/// takes the next character as it is (at the end it stands for itself). A series stays where one of the keeping patterns of each label matches (all, where a
/// label has only leaving-out ones) and none of the others does.
package struct LabelFilter: Hashable, Sendable {
    /// One pattern: the texts between the wildcards.
    struct Pattern: Hashable, Sendable {
        let isExclusion: Bool
        /// One text is a whole value; more have anything between them.
        let parts: [[UInt8]]

        func matches(_ value: String) -> Bool {
            let bytes = Array(value.utf8)
            guard let first = parts.first, let last = parts.last else { return false }
            if parts.count == 1 { return bytes == first }
            guard bytes.count >= first.count + last.count, bytes.starts(with: first),
                bytes.suffix(last.count) == last[...]
            else { return false }
            var place = first.count
            let end = bytes.count - last.count
            for part in parts.dropFirst().dropLast() {
                guard let found = Self.find(part, in: bytes, from: place, to: end) else { return false }
                place = found + part.count
            }
            return true
        }

        private static func find(_ part: [UInt8], in bytes: [UInt8], from: Int, to: Int) -> Int? {
            var place = from
            while place + part.count <= to {
                if bytes[place..<place + part.count] == part[...] { return place }
                place += 1
            }
            return nil
        }
    }

    /// Ascending by label.
    private(set) var conditions: [Condition] = []

    struct Condition: Hashable, Sendable {
        let label: String
        let patterns: [Pattern]
    }

    /// Keeps every series.
    package init() {}

    package var isEmpty: Bool { conditions.isEmpty }

    /// The labels it looks at, ascending.
    package var labels: [String] { conditions.map(\.label) }

    /// The label of the only condition, where that keeps a single value.
    package var onlyLabelWithOneValue: String? {
        guard conditions.count == 1, let condition = conditions.first, condition.patterns.count == 1,
            let pattern = condition.patterns.first, !pattern.isExclusion, pattern.parts.count == 1
        else { return nil }
        return condition.label
    }

    /// Adds a condition, as `label.NAME=patterns` gives it; a second one for the same label must hold too.
    package mutating func add(label: String, patterns text: String) {
        conditions.append(Condition(label: label, patterns: Self.patterns(text)))
        conditions.sort { $0.label < $1.label }
    }

    /// Whether a series with these labels stays.
    package func matches(_ labels: LabelSet) -> Bool {
        conditions.allSatisfy { condition in
            let value = labels[condition.label]
            var keeps: Bool?
            for pattern in condition.patterns {
                let matches = value.map(pattern.matches) ?? false
                if pattern.isExclusion {
                    if matches { return false }
                } else {
                    keeps = (keeps ?? false) || matches
                }
            }
            return keeps ?? true
        }
    }

    /// Splits at commas and wildcards that are not escaped.
    private static func patterns(_ text: String) -> [Pattern] {
        var patterns: [Pattern] = []
        var parts: [[UInt8]] = [[]]
        var isExclusion = false
        var isEscaped = false
        var isFirst = true
        func finish() { patterns.append(Pattern(isExclusion: isExclusion, parts: parts)) }
        for byte in text.utf8 {
            if isEscaped {
                parts[parts.count - 1].append(byte)
                isEscaped = false
            } else {
                switch byte {
                case UInt8(ascii: "\\"): isEscaped = true
                case UInt8(ascii: ","):
                    finish()
                    (parts, isExclusion, isFirst) = ([[]], false, true)
                    continue
                case UInt8(ascii: "!") where isFirst: isExclusion = true
                case UInt8(ascii: "*"): parts.append([])
                default: parts[parts.count - 1].append(byte)
                }
            }
            isFirst = false
        }
        if isEscaped { parts[parts.count - 1].append(UInt8(ascii: "\\")) }
        finish()
        return patterns
    }
}
