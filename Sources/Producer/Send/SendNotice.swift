/// What a person who watches `weir send` is told while it runs.
package enum SendNotice: Sendable, Equatable {
    /// A line that no event could be made of, or that the server refused; the first 20 of a run.
    case failedLine(FailedLine)
    /// The server is away or busy; the next attempt comes after `pause`.
    case waiting(detail: String, pause: Duration)
    /// The server is back.
    case goesOn
    /// `--shift-to-now` has found the newest time.
    case shifted(byMs: Int64)
    /// The followed file was cut to nothing; reading goes on at its beginning.
    case truncated(file: String)
    /// Another file has the followed one's name; reading goes on there.
    case rotated(file: String)

    /// For a log line.
    package var text: String {
        switch self {
        case .failedLine(let line): "\(line.file):\(line.line): \(line.reason)"
        case .waiting(let detail, let pause):
            "\(detail); next attempt in \(pause.formatted(decimals: 1)) s"
        case .goesOn: "the server is back"
        case .shifted(let byMs): "all times move by \(byMs) ms (--shift-by \(byMs))"
        case .truncated(let file): "\(file) was truncated, reading from its beginning"
        case .rotated(let file): "\(file) was replaced, reading the new file"
        }
    }
}

extension Duration {
    /// Seconds in decimal notation, without a unit.
    func formatted(decimals: Int) -> String {
        let scale = (0..<decimals).reduce(1.0) { product, _ in product * 10 }
        let scaled = Int64((self / .seconds(1) * scale).rounded())
        guard decimals > 0 else { return String(scaled) }
        let digits = String(scaled.magnitude)
        let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
        return (scaled < 0 ? "-" : "") + padded.dropLast(decimals) + "." + padded.suffix(decimals)
    }
}
