/// Why a text is no value of a setting: what was expected in its place.
package struct BadValue: Error, Sendable {
    package let expected: String

    package init(expected: String) { self.expected = expected }
}

/// How a setting's value is written: on the command line, in the environment, in the configuration file.
package struct ValueKind<Value: Sendable>: Sendable {
    /// What kind of JSON5 value the configuration file may hold.
    package enum FileForm: Sendable { case string, number, stringOrNumber, bool }

    let placeholder: String
    let fileForm: FileForm
    let read: @Sendable (String) throws(BadValue) -> Value
    let show: @Sendable (Value) -> String

    /// Makes a kind of its own; `read` says by `BadValue` what it expected.
    package init(
        placeholder: String, fileForm: FileForm = .string,
        read: @escaping @Sendable (String) throws(BadValue) -> Value, show: @escaping @Sendable (Value) -> String
    ) {
        self.placeholder = placeholder
        self.fileForm = fileForm
        self.read = read
        self.show = show
    }

    private init(
        _ placeholder: String, _ fileForm: FileForm = .string, expected: String,
        read: @escaping @Sendable (String) -> Value?, show: @escaping @Sendable (Value) -> String
    ) {
        self.init(
            placeholder: placeholder, fileForm: fileForm,
            read: { text throws(BadValue) in
                guard let value = read(text) else { throw BadValue(expected: expected) }
                return value
            }, show: show)
    }
}

extension ValueKind where Value == String {
    /// Any text that is not empty.
    package static func text(_ placeholder: String) -> ValueKind {
        ValueKind(placeholder, expected: "a text that is not empty", read: { $0.isEmpty ? nil : $0 }, show: { $0 })
    }
}

extension ValueKind where Value == Int {
    /// A whole number in `range`.
    package static func int(_ range: ClosedRange<Int> = .min ... .max, _ placeholder: String = "N") -> ValueKind {
        ValueKind(
            placeholder, .number, expected: "a whole number\(bounds(range, .min, .max) { String($0) })",
            read: { text in Int(text).flatMap { range.contains($0) ? $0 : nil } }, show: { String($0) })
    }
}

extension ValueKind where Value == Double {
    /// A finite number in `range`.
    package static func double(
        _ range: ClosedRange<Double> = -.greatestFiniteMagnitude ... .greatestFiniteMagnitude,
        _ placeholder: String = "X"
    ) -> ValueKind {
        let edge = Double.greatestFiniteMagnitude
        return ValueKind(
            placeholder, .number, expected: "a number\(bounds(range, -edge, edge) { plain($0) })",
            read: { text in Double(text).flatMap { range.contains($0) ? $0 : nil } }, show: { plain($0) })
    }

    private static func plain(_ number: Double) -> String {
        Int64(exactly: number).map { String($0) } ?? String(number)
    }
}

extension ValueKind where Value == Bool {
    /// `true` or `false`; in the environment also 1, yes, on and 0, no, off.
    package static var bool: ValueKind {
        ValueKind(
            "BOOL", .bool, expected: "true or false",
            read: { text in
                switch text.lowercased() {
                case "true", "1", "yes", "on": true
                case "false", "0", "no", "off": false
                default: nil
                }
            }, show: { $0 ? "true" : "false" })
    }
}

extension ValueKind where Value == Duration {
    /// A length of time in `range`: `250ms`, `60s`, `5m`, `12h`, `7d`.
    package static func duration(_ range: ClosedRange<Duration> = .zero ... .seconds(Int64.max / 2)) -> ValueKind {
        ValueKind(
            "TIME",
            expected: "a length of time such as 250ms, 60s, 5m or 7d"
                + bounds(range, .zero, .seconds(Int64.max / 2)) { $0.settingText },
            read: { text in Duration(settingText: text).flatMap { range.contains($0) ? $0 : nil } },
            show: { $0.settingText })
    }
}

extension ValueKind where Value == ByteCount {
    /// A number of bytes in `range`: `64KiB`, `8MiB`, `4096`.
    package static func bytes(
        _ range: ClosedRange<ByteCount> = ByteCount(bytes: 0)...ByteCount(bytes: .max)
    ) -> ValueKind {
        ValueKind(
            "BYTES", .stringOrNumber,
            expected: "a number of bytes such as 64KiB or 8MiB"
                + bounds(range, ByteCount(bytes: 0), ByteCount(bytes: .max)) { $0.settingText },
            read: { text in ByteCount(settingText: text).flatMap { range.contains($0) ? $0 : nil } },
            show: { $0.settingText })
    }
}

extension ValueKind where Value == HostPort {
    /// A host with a port: `127.0.0.1:8080`, `[::1]:8080`, `:8080` for all addresses.
    package static var address: ValueKind {
        ValueKind(
            "HOST:PORT", expected: "an address such as 127.0.0.1:8080, [::1]:8080 or :8080",
            read: { HostPort(settingText: $0) }, show: { $0.description })
    }
}

extension ValueKind where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    /// One of the words of an enum.
    package static func choice(_ type: Value.Type = Value.self) -> ValueKind {
        let words = type.allCases.map(\.rawValue)
        return ValueKind(
            words.joined(separator: "|"), expected: "one of " + words.joined(separator: ", "),
            read: { Value(rawValue: $0) }, show: { $0.rawValue })
    }
}

private func bounds<Bound>(
    _ range: ClosedRange<Bound>, _ least: Bound, _ greatest: Bound, show: (Bound) -> String
) -> String {
    switch (range.lowerBound > least, range.upperBound < greatest) {
    case (true, true): ", from \(show(range.lowerBound)) to \(show(range.upperBound))"
    case (true, false): ", at least \(show(range.lowerBound))"
    case (false, true): ", at most \(show(range.upperBound))"
    case (false, false): ""
    }
}
