/// How a range of history is cut so that what was read of it can be kept and found again.
///
/// ```
///      from                                   settledBefore   to
///   |────┼────|─────────|─────────|──|──|──|·|──────┼──────────┤
///        day      day       day    hours   10 min      rest
/// ```
/// Pieces begin at multiples of their length, so that the same ones serve a range that slides. The first may begin before the
/// range and the last end after it, where that is little beside the range. What lies past `settledBefore` is still being
/// compacted, or is Redis' in some partition, and is read each time.
package struct HistoryPieces: Equatable, Sendable {
    /// The shortest piece, ms; see `PartitionState.boundaryMs`.
    package static let shortestMs: Int64 = 600_000
    private static let hourMs: Int64 = 3_600_000
    private static let dayMs: Int64 = 86_400_000
    /// A piece may reach over an end of a range that is so many times as long.
    private static let overlapFactor: Int64 = 4

    /// Ascending, without a gap; ms since 1970.
    package private(set) var kept: [Range<Int64>] = []
    /// What is not kept, ascending, ms since 1970.
    package private(set) var rest: [Range<Int64>] = []

    /// Cuts a range.
    ///
    /// - Parameters:
    ///   - range: ms since 1970, from a whole step on.
    ///   - stepMs: of the buckets, whole minutes.
    ///   - settledBefore: what lies before this may be kept, ms since 1970.
    ///   - mayOverlap: no where a piece is one bucket, of which no part can be taken.
    package init(_ range: Range<Int64>, stepMs: Int64, settledBefore: Int64, mayOverlap: Bool = true) {
        let span = range.upperBound - range.lowerBound
        var start = range.lowerBound
        while start < range.upperBound {
            let piece = Self.lengths(stepMs).lazy.map { length in
                let first = StepLadder.floor(start, length)
                return first..<first + length
            }.first { piece in
                let length = piece.upperBound - piece.lowerBound
                let fits = piece.lowerBound >= range.lowerBound && piece.upperBound <= range.upperBound
                let overlaps = mayOverlap && (span >= Self.overlapFactor * length || length == Self.shortestMs)
                return piece.upperBound <= settledBefore && (fits || overlaps)
            }
            if let piece {
                kept.append(piece)
                start = piece.upperBound
            } else {
                let next = StepLadder.floor(start, Self.shortestMs) + Self.shortestMs
                let end = next <= settledBefore ? min(next, range.upperBound) : range.upperBound
                rest.append(start..<end)
                start = end
            }
        }
    }

    /// Longest first. A piece of an hour or more is some dozens of buckets, so that few reads bring many of them.
    private static func lengths(_ stepMs: Int64) -> [Int64] {
        switch stepMs {
        case ..<shortestMs: [hourMs, shortestMs]
        // What is not yet a day still is whole steps, for which there are values made ahead.
        case hourMs + 1..<dayMs: [dayMs, stepMs, hourMs, shortestMs]
        case ..<dayMs: [dayMs, hourMs, shortestMs]
        default: [32 * dayMs, dayMs, hourMs, shortestMs]
        }
    }
}

extension HistoryResolution {
    /// The coarsest whose buckets make up steps of `stepMs` and of which a whole one begins at `fromMs`.
    package init(forStepMs stepMs: Int64, fromMs: Int64) {
        self = Self.allCases.last { stepMs % $0.ms == 0 && fromMs % $0.ms == 0 } ?? .minute
    }
}
