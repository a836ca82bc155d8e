internal import Glibc

/// A DDSketch: a histogram whose buckets grow by a constant factor, so that any quantile is known within 1 % of its value
/// (and what rounding to six digits adds, see `value(at:)`).
///
/// Bucket i of the positive values holds those in (γ^(i-1), γ^i] with γ = 1.01/0.99; negative values mirror it, zero is
/// counted apart. Merging adds counts, so it is associative, commutative and exact: a sketch does not depend on the order or
/// grouping in which its values came. Source: Masson, Rim, Lee, "DDSketch", PVLDB 12(12), 2019.
package struct Sketch: Equatable, Sendable {
    /// One bucket that is not empty.
    package struct Bin: Equatable, Sendable {
        package var index: Int32
        /// At least 1.
        package var count: Int

        package init(index: Int32, count: Int) {
            self.index = index
            self.count = count
        }
    }

    /// The factor between a bucket's upper bound and the one before.
    package static let gamma = 1.01 / 0.99
    private static let logGamma = log(gamma)

    /// Buckets of the positive values, ascending by index.
    package private(set) var positive: [Bin] = []
    /// Buckets of the negative values' magnitudes, ascending by index.
    package private(set) var negative: [Bin] = []
    /// How many values were zero.
    package private(set) var zeroCount = 0

    package init() {}

    /// A sketch of known bins, as a codec reads them.
    ///
    /// Returns nil where the bins are not ascending, no value falls into one, or a count is below 1.
    package init?(positive: [Bin], negative: [Bin], zeroCount: Int) {
        guard zeroCount >= 0, Self.isAscending(positive), Self.isAscending(negative) else { return nil }
        self.positive = positive
        self.negative = negative
        self.zeroCount = zeroCount
    }

    /// Forgets all it has seen, and keeps its memory.
    package mutating func removeAll() {
        positive.removeAll(keepingCapacity: true)
        negative.removeAll(keepingCapacity: true)
        zeroCount = 0
    }

    package var isEmpty: Bool { positive.isEmpty && negative.isEmpty && zeroCount == 0 }

    /// How many values it has seen. O(bins).
    package var count: Int {
        positive.reduce(zeroCount) { $0 + $1.count } + negative.reduce(0) { $0 + $1.count }
    }

    /// The bucket of a positive finite value.
    package static func index(of magnitude: Double) -> Int32 { Int32((log(magnitude) / logGamma).rounded(.up)) }

    /// The buckets that finite values other than zero fall into.
    package static let indices = index(of: .leastNonzeroMagnitude)...index(of: .greatestFiniteMagnitude)

    /// Counts one finite value.
    package mutating func insert(_ value: Double) {
        if value > 0 {
            Self.add(1, at: Self.index(of: value), to: &positive)
        } else if value < 0 {
            Self.add(1, at: Self.index(of: -value), to: &negative)
        } else {
            zeroCount += 1
        }
    }

    /// Adds `count` (at least 1) values to the bucket `index`, of the magnitudes of negative values where `isNegative`. O(bins).
    package mutating func add(_ count: Int, at index: Int32, isNegative: Bool) {
        precondition(count >= 1 && Self.indices.contains(index), "no value falls into bucket \(index)")
        if isNegative {
            Self.add(count, at: index, to: &negative)
        } else {
            Self.add(count, at: index, to: &positive)
        }
    }

    /// Adds all of `bins`, ascending by index, each of at least 1, in `indices`; to the magnitudes of negative values where
    /// `isNegative`. O(bins), without an allocation where all of them are there.
    package mutating func add(ascending bins: [Bin], isNegative: Bool) {
        if isNegative { Self.merge(bins, into: &negative) } else { Self.merge(bins, into: &positive) }
    }

    /// Whether it has no positive values, or no negative ones.
    package func hasNone(isNegative: Bool) -> Bool { isNegative ? negative.isEmpty : positive.isEmpty }

    /// Adds a bin, whose index is above that of all there are on its side and in `indices`, and whose count is at least 1.
    package mutating func append(_ bin: Bin, isNegative: Bool) {
        if isNegative { negative.append(bin) } else { positive.append(bin) }
    }

    /// Counts `count` zeros.
    package mutating func addZeros(_ count: Int) { zeroCount += count }

    /// Adds all that `other` has counted.
    package mutating func merge(_ other: Sketch) {
        zeroCount += other.zeroCount
        Self.merge(other.positive, into: &positive)
        Self.merge(other.negative, into: &negative)
    }

    /// The value of rank ⌊q·(n−1)⌋, counted from 0 in ascending order, within 1 %; nil where it is empty. O(bins).
    ///
    /// `quantile` is 0...1.
    package func value(atQuantile quantile: Double) -> Double? {
        let total = count
        guard total > 0 else { return nil }
        var left = Int((quantile * Double(total - 1)).rounded(.down))
        for bin in negative.reversed() {
            if left < bin.count { return -Self.value(at: bin.index) }
            left -= bin.count
        }
        if left < zeroCount { return 0 }
        left -= zeroCount
        for bin in positive {
            if left < bin.count { return Self.value(at: bin.index) }
            left -= bin.count
        }
        return positive.last.map { Self.value(at: $0.index) }
    }

    private static let firstCapacity = 6

    private static func isAscending(_ bins: [Bin]) -> Bool {
        bins.allSatisfy { $0.count >= 1 && indices.contains($0.index) }
            && zip(bins, bins.dropFirst()).allSatisfy { $0.index < $1.index }
    }

    private static func add(_ count: Int, at index: Int32, to bins: inout [Bin]) {
        var low = 0
        var high = bins.count
        while low < high {
            let middle = (low + high) / 2
            if bins[middle].index < index { low = middle + 1 } else { high = middle }
        }
        if low < bins.count && bins[low].index == index {
            bins[low].count += count
        } else {
            // From nothing an array grows to 1, 2, 4 and 8 elements, with a copy each time; a batch makes thousands of them.
            if bins.capacity == 0 { bins.reserveCapacity(firstCapacity) }
            bins.insert(Bin(index: index, count: count), at: low)
        }
    }

    private static func merge(_ other: [Bin], into bins: inout [Bin]) {
        // A few new values into many bins, the common case of a batch, cost a search each instead of a copy of all.
        if other.count * 8 < bins.count {
            for bin in other { add(bin.count, at: bin.index, to: &bins) }
            return
        }
        if bins.isEmpty {
            bins = other
            return
        }
        var (left, right) = addToKnown(other, &bins)
        if right == other.count { return }
        let known = left
        var merged: [Bin] = []
        merged.reserveCapacity(bins.count - left + other.count - right)
        while left < bins.count && right < other.count {
            let (a, b) = (bins[left], other[right])
            if a.index == b.index {
                merged.append(Bin(index: a.index, count: a.count + b.count))
                left += 1
                right += 1
            } else if a.index < b.index {
                merged.append(a)
                left += 1
            } else {
                merged.append(b)
                right += 1
            }
        }
        merged.append(contentsOf: bins[left...])
        merged.append(contentsOf: other[right...])
        bins.replaceSubrange(known..., with: merged)
    }

    /// Adds up to the first bin that is not there, in place: bins that are merged many times are nearly all there. Returns where
    /// both stand.
    private static func addToKnown(_ other: [Bin], _ bins: inout [Bin]) -> (left: Int, right: Int) {
        let other = other.span
        var bins = bins.mutableSpan
        var (left, right) = (0, 0)
        while right < other.count {
            let bin = other[right]
            while left < bins.count && bins[left].index < bin.index { left += 1 }
            guard left < bins.count, bins[left].index == bin.index else { break }
            bins[left].count += bin.count
            left += 1
            right += 1
        }
        return (left, right)
    }
}
