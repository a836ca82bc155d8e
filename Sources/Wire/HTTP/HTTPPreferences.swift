/// One member of `Accept` or `Accept-Encoding`, with how much it is wanted.
package struct HTTPPreference: Hashable, Sendable {
    /// In lower case, without parameters: `text/csv`, `text/*`, `gzip`.
    package let name: String
    /// The `q` in thousandths, 0...1000; 0 refuses.
    package let weight: Int
}

extension HTTPFields {
    /// The members of the fields called `name` with their weights (RFC 9110, section 12.4.2), in the order received; those
    /// whose weight is malformed are left out.
    package func preferences(_ name: String) -> [HTTPPreference] {
        all(name).flatMap { $0.split(separator: ",") }.compactMap { member in
            let parts = member.split(separator: ";", omittingEmptySubsequences: false).map(Self.trimmed)
            guard let first = parts.first, !first.isEmpty else { return nil }
            for part in parts.dropFirst() where part.hasPrefix("q=") {
                guard let weight = Self.weight(part.dropFirst(2)) else { return nil }
                return HTTPPreference(name: first, weight: weight)
            }
            return HTTPPreference(name: first, weight: 1_000)
        }
    }

    /// The place in `offered` of the media type that the client wants most, by its most specific range that matches; the
    /// first of equals, and the first of all where the client does not say. Nil where it refuses all of them.
    ///
    /// `offered` are in lower case, without parameters.
    package func accepted(of offered: [String]) -> Int? {
        let wanted = preferences("accept")
        if wanted.isEmpty { return 0 }
        var best: (place: Int, weight: Int)?
        for (place, type) in offered.enumerated() {
            let ranges = [type, "\(type.prefix { $0 != "/" })/*", "*/*"]
            let matching = ranges.lazy.compactMap { range in wanted.first { $0.name == range } }.first
            if let matching, matching.weight > best?.weight ?? 0 { best = (place, matching.weight) }
        }
        return best?.place
    }

    /// True where the client takes `gzip`, and does not like the plain body more.
    package var acceptsGzip: Bool {
        let wanted = preferences("accept-encoding")
        func weight(_ names: [String]) -> Int? { wanted.first { names.contains($0.name) }?.weight }
        guard let gzip = weight(["gzip", "x-gzip"]) ?? weight(["*"]), gzip > 0 else { return false }
        return gzip >= weight(["identity"]) ?? 0
    }

    private static func trimmed(_ text: Substring) -> String {
        let bytes = text.utf8.map(ASCII.lowercased)
        return String(decoding: bytes[ASCII.trimmed(bytes, bytes.indices)], as: UTF8.self)
    }

    /// `0.5` as 500; at most three digits behind the point, and nothing above 1.
    private static func weight(_ text: some StringProtocol) -> Int? {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first, whole.count == 1, let unit = whole.first, unit == 48 || unit == 49 else {
            return nil
        }
        let digits = parts.count == 2 ? Array(parts[1]) : []
        guard digits.count <= 3, digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
        let fraction = (0..<3).reduce(0) { $0 * 10 + ($1 < digits.count ? Int(digits[$1]) - 48 : 0) }
        let weight = Int(unit - 48) * 1_000 + fraction
        return weight <= 1_000 ? weight : nil
    }
}
