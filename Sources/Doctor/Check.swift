/// One thing that was looked at, and how it is.
package struct Check: Sendable, Equatable {
    /// How a thing is.
    package enum Verdict: String, Sendable, Comparable {
        case ok, warn, fail

        package static func < (a: Verdict, b: Verdict) -> Bool { a.rank < b.rank }

        private var rank: Int {
            switch self {
            case .ok: 0
            case .warn: 1
            case .fail: 2
            }
        }
    }

    /// One word, the same in every version: `redis-memory`.
    package let name: String
    package let verdict: Verdict
    /// What was found, one sentence without a full stop.
    package let detail: String
    /// What to do, as a command where one does it; nil where all is well.
    package let remedy: String?

    private init(_ name: String, _ verdict: Verdict, _ detail: String, _ remedy: String?) {
        self.name = name
        self.verdict = verdict
        // Servers' messages have several lines, and a check has one.
        self.detail = Self.line(detail)
        self.remedy = remedy.map(Self.line)
    }

    /// All is well.
    package static func ok(_ name: String, _ detail: String) -> Check { Check(name, .ok, detail, nil) }

    /// It works, and something that was promised does not hold, or soon will not.
    package static func warn(_ name: String, _ detail: String, mend remedy: String) -> Check {
        Check(name, .warn, detail, remedy)
    }

    /// Something does not work, or what is stored is in danger.
    package static func fail(_ name: String, _ detail: String, mend remedy: String) -> Check {
        Check(name, .fail, detail, remedy)
    }

    private static func line(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).map { line in
            var line = line.drop { $0 == " " || $0 == "\t" }
            while line.last == " " { line.removeLast() }
            return String(line)
        }.joined(separator: "; ")
    }
}
