/// The report as a table for people.
extension QueryReport {
    private static let headings = [
        "question", "requests", "/s", "p50", "p90", "p99", "max", "p50", "p90", "p99", "max", "no PG", "KB", "step",
        "failed",
    ]
    private static let roundTripColumns = 3...6
    private static let tookColumns = 7...10

    /// Lines of at most some 130 columns; all times in ms.
    package var lines: [String] {
        var rows: [[String]] = []
        for run in runs {
            let isMix = run.questions.count > 1
            rows.append(Self.cells(run.asked, run.total, run.seconds))
            if isMix { rows += run.questions.map { Self.cells("  " + $0.name, $0.tally, run.seconds) } }
        }
        let widths = Self.headings.indices.map { column in
            ([Self.headings] + rows).map { $0[column].count }.max() ?? 0
        }
        func line(_ cells: [String]) -> String {
            cells.indices.map { Self.padded(cells[$0], to: widths[$0], isRight: $0 > 0) }.joined(separator: "  ")
        }
        func above(_ columns: ClosedRange<Int>) -> Int { widths[columns].reduce(2 * (columns.count - 1), +) }
        let before = widths[..<Self.roundTripColumns.lowerBound].reduce(0) { $0 + $1 + 2 }
        let groups =
            String(repeating: " ", count: before)
            + Self.padded("round trip, ms", to: above(Self.roundTripColumns), isRight: true) + "  "
            + Self.padded("in the front, ms", to: above(Self.tookColumns), isRight: true)
        let pace = rate.map { "\(Self.fixed($0, $0 < 10 ? 1 : 0)) requests/s" } ?? "as fast as it answers"
        return ["\(server), \(clients) clients, \(pace)", "", groups, line(Self.headings)] + rows.map(line) + [""]
            + runs.map(Self.cpuLine) + runs.flatMap { Self.remarks($0, rate: rate) }
    }

    private static func cells(_ name: String, _ tally: AnswerTally, _ seconds: Double) -> [String] {
        [name, "\(tally.requests)", fixed(Double(tally.requests) / seconds, tally.requests < 1_000 ? 1 : 0)]
            + times(tally.roundTrip) + times(tally.took)
            + [
                tally.hitRate.map { fixed(100 * $0, 1) + " %" } ?? "–",
                tally.requests == 0 ? "–" : fixed(Double(tally.bytes) / Double(tally.requests) / 1_000, 1),
                steps(tally), "\(tally.failed)",
            ]
    }

    /// The step of most answers, with a mark where there were others.
    private static func steps(_ tally: AnswerTally) -> String {
        guard let most = tally.steps.max(by: { ($0.value, $1.key) < ($1.value, $0.key) })?.key else { return "–" }
        let name = most % 1_000 == 0 ? "\(most / 1_000)s" : "\(most)ms"
        return tally.steps.count == 1 ? name : name + "+"
    }

    private static func times(_ times: AnswerTally.Times) -> [String] {
        (quantiles.map { times.quantile($0.quantile) } + [times.isEmpty ? nil : times.max]).map { ms in
            ms.map { fixed($0, $0 < 10 ? 2 : $0 < 100 ? 1 : 0) } ?? "–"
        }
    }

    private static func cpuLine(_ run: Run) -> String {
        func used(_ seconds: Double?) -> String {
            guard let seconds else { return "not known" }
            return fixed(100 * seconds / run.wholeSeconds, 0) + " % of a core"
        }
        return
            "\(run.asked): CPU of the clients \(used(run.clientCPUSeconds)), of the front \(used(run.frontCPUSeconds))"
    }

    private static func remarks(_ run: Run, rate: Double?) -> [String] {
        let total = run.total
        let failures = total.failures.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        let perSecond = Double(total.requests) / run.seconds
        let isBehind = rate.map { perSecond < 0.9 * $0 } ?? false
        return (isBehind ? ["\(run.asked): cannot keep up, \(fixed(perSecond, 1)) requests/s were answered"] : [])
            + (total.degraded > 0 ? ["\(run.asked): \(total.degraded) answers lacked a store"] : [])
            + failures.map { "\(run.asked): \($0.value) times \($0.key)" }
    }

    private static func padded(_ text: String, to width: Int, isRight: Bool) -> String {
        let fill = String(repeating: " ", count: max(0, width - text.count))
        return isRight ? fill + text : text + fill
    }

    /// `value`, at least 0, with so many decimals.
    private static func fixed(_ value: Double, _ decimals: Int) -> String {
        let scale = (0..<decimals).reduce(1) { scale, _ in scale * 10 }
        let scaled = Int((min(value, 1e12) * Double(scale)).rounded())
        guard decimals > 0 else { return "\(scaled)" }
        let fraction = String(scaled % scale)
        return "\(scaled / scale)." + String(repeating: "0", count: decimals - fraction.count) + fraction
    }
}
