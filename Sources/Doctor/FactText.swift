/// How facts are put into words.
enum FactText {
    /// `850 ms`, `12 s`, `3 min`, `5 h`, `2 d`: rounded down, for a length of time in ms.
    static func length(_ ms: Int64) -> String {
        switch abs(ms) {
        case ..<1_000: "\(ms) ms"
        case ..<120_000: "\(ms / 1_000) s"
        case ..<7_200_000: "\(ms / 60_000) min"
        case ..<172_800_000: "\(ms / 3_600_000) h"
        default: "\(ms / 86_400_000) d"
        }
    }

    /// `12.5 MiB`
    static func size(_ bytes: Int) -> String {
        "\(bytes / 1_048_576).\(bytes % 1_048_576 * 10 / 1_048_576) MiB"
    }

    /// `1 partition`, `2 partitions`
    static func count(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

    /// Names with commas, the first few of many.
    static func list(_ names: [String], most: Int = 5) -> String {
        names.count <= most
            ? names.joined(separator: ", ")
            : names.prefix(most).joined(separator: ", ") + " and \(names.count - most) more"
    }

    /// `7.0.15` as numbers that compare; what is no number counts as 0.
    static func version(_ text: String) -> [Int] { text.split(separator: ".").map { Int($0) ?? 0 } }
}
