extension Duration {
    private static let units: [(name: String, attoseconds: Int128)] = [
        ("d", 86_400 * second), ("h", 3_600 * second), ("m", 60 * second), ("s", second), ("ms", second / 1_000),
    ]
    private static let second: Int128 = 1_000_000_000_000_000_000

    /// Reads `250ms`, `60s`, `1.5h`, `7d` or plain `0`; nil for all else, a bare number included.
    package init?(settingText text: String) {
        if text == "0" {
            self = .zero
            return
        }
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard let unit = Duration.units.first(where: { $0.name == text[digits.endIndex...] }),
            let (whole, fraction, scale) = decimal(digits)
        else { return nil }
        let (product, overflow) = whole.multipliedReportingOverflow(by: unit.attoseconds)
        guard !overflow, product < Duration.second * Int128(Int64.max) else { return nil }
        self.init(attoseconds: product + fraction * unit.attoseconds / scale)
    }

    /// The shortest text that `init(settingText:)` reads back: `7d`, `90s`, `1.5ms`.
    package var settingText: String {
        if self == .zero { return "0" }
        let unit = Duration.units.first { attoseconds % $0.attoseconds == 0 } ?? ("ms", Duration.second / 1_000)
        if attoseconds % unit.attoseconds == 0 { return "\(attoseconds / unit.attoseconds)\(unit.name)" }
        return "\(Double(attoseconds) / Double(unit.attoseconds))ms"
    }
}

/// A number of bytes as people write it: `64KiB`, `8MiB`, `10MB`, `4096`.
package struct ByteCount: Sendable, Equatable, Comparable {
    package let bytes: Int

    package init(bytes: Int) { self.bytes = bytes }

    /// `count` times 1024 times 1024.
    package static func mebibytes(_ count: Int) -> ByteCount { ByteCount(bytes: count << 20) }

    package static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }

    private static let units: [(name: String, bytes: Int)] = [
        ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1_000),
        ("B", 1),
    ]

    /// Reads a number with or without a unit; upper and lower case are one. Nil for all else.
    package init?(settingText text: String) {
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let name = text[digits.endIndex...].drop { $0 == " " }.lowercased()
        guard let (whole, fraction, scale) = decimal(digits),
            let unit = name.isEmpty ? ("B", 1) : ByteCount.units.first(where: { $0.name.lowercased() == name })
        else { return nil }
        let (product, overflow) = whole.multipliedReportingOverflow(by: Int128(unit.1))
        let (part, remainder) = (fraction * Int128(unit.1)).quotientAndRemainder(dividingBy: scale)
        guard !overflow, remainder == 0, let bytes = Int(exactly: product + part) else { return nil }
        self.init(bytes: bytes)
    }

    /// The shortest text that `init(settingText:)` reads back.
    package var settingText: String {
        let unit = ByteCount.units.prefix(3).first { bytes >= $0.bytes && bytes % $0.bytes == 0 }
        return unit.map { "\(bytes / $0.bytes)\($0.name)" } ?? String(bytes)
    }
}

/// `12.5` as 12, 5 and 10: whole part, fraction, and what the fraction is counted in.
private func decimal(_ text: Substring) -> (whole: Int128, fraction: Int128, scale: Int128)? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count <= 2, let whole = Int128(parts[0]) else { return nil }
    guard parts.count == 2 else { return (whole, 0, 1) }
    guard parts[1].count <= 9, let fraction = Int128(parts[1]) else { return nil }
    return (whole, fraction, parts[1].reduce(1) { scale, _ in scale * 10 })
}

/// A host and a port to listen on or to connect to.
package struct HostPort: Sendable, Equatable, CustomStringConvertible {
    /// A name or an address; an IPv6 address without its brackets; empty for all addresses of the host.
    package let host: String
    package let port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Reads `127.0.0.1:8080`, `localhost:8080`, `[::1]:8080` or `:8080`; nil for all else.
    package init?(settingText text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        }
        guard !host.contains(where: { $0.isWhitespace || "/@[]".contains($0) }) else { return nil }
        self.init(host: String(host), port: port)
    }

    /// `127.0.0.1:8080`, `[::1]:8080`
    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Whether only this host can reach it: 127.0.0.0/8, ::1, or the name localhost.
    package var isLoopback: Bool {
        if host == "localhost" || host == "::1" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}
