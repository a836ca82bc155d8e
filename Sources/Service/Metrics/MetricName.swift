/// What a metric is for Prometheus.
package enum InstrumentKind: String, Sendable {
    case counter, gauge, histogram
}

/// Labels of a self-metric; their values come from closed sets, never from what clients send.
package struct MetricLabels: Sendable, ExpressibleByDictionaryLiteral {
    /// `{code="200",method="GET"}`, or nothing without labels; sorted by name, so equal labels have equal text.
    let text: String

    package init(dictionaryLiteral elements: (String, String)...) { self.init(elements) }

    /// Makes labels from pairs of name and value; no name stands twice.
    package init(_ pairs: [(String, String)]) {
        let sorted = pairs.sorted { $0.0 < $1.0 }
        for (name, _) in sorted {
            precondition(isIdentifier(name) && !name.hasPrefix("__") && name != "le", "not a label name: \(name)")
        }
        precondition(zip(sorted, sorted.dropFirst()).allSatisfy { $0.0 != $1.0 }, "a label stands twice")
        let items = sorted.map { "\($0.0)=\"\(escaped($0.1, quotes: true))\"" }
        text = items.isEmpty ? "" : "{\(items.joined(separator: ","))}"
    }

    /// The same labels and `le`, which a histogram's ranges carry.
    func with(le bound: String) -> String {
        text.isEmpty ? "{le=\"\(bound)\"}" : "\(text.dropLast()),le=\"\(bound)\"}"
    }
}

/// Stops the process if `name` breaks the conventions that `promtool check metrics` holds us to.
///
/// A bad name is a mistake in our code, found at the first start; so it is not an error that anybody handles.
func checkMetricName(_ name: String, _ kind: InstrumentKind, help: String) {
    let words = name.split(separator: "_")
    precondition(isIdentifier(name) && !name.contains { $0.isUppercase }, "not a metric name: \(name)")
    precondition(
        (kind == .counter) == name.hasSuffix("_total"), "counters, and nothing else, end in _total: \(name)")
    precondition(
        !["bucket", "count", "sum", "info"].contains(words.last.map(String.init) ?? "") || name == "weir_build_info",
        "a suffix with a meaning of its own: \(name)")
    let scaled = [
        "milliseconds", "microseconds", "nanoseconds", "ms", "us", "ns", "minutes", "hours", "days", "kilobytes",
        "megabytes", "gigabytes", "kb", "mb", "gb", "percent", "counter", "gauge", "histogram",
    ]
    precondition(!words.contains { scaled.contains(String($0)) }, "base units only, and no kind in the name: \(name)")
    precondition(!help.isEmpty, "\(name) needs a help text")
}

private func isIdentifier(_ text: String) -> Bool {
    guard let first = text.utf8.first, !(0x30...0x39).contains(first) else { return false }
    return text.utf8.allSatisfy {
        $0 == UInt8(ascii: "_") || (0x30...0x39).contains($0) || (0x41...0x5a).contains($0)
            || (0x61...0x7a).contains($0)
    }
}

/// `text` with backslashes, line feeds and, in label values, quotes escaped as the exposition format wants.
func escaped(_ text: String, quotes: Bool) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\\": result += "\\\\"
        case "\n": result += "\\n"
        case "\"" where quotes: result += "\\\""
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result
}
