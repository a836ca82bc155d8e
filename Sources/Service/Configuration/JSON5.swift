/// What is wrong with a JSON5 text, and where.
package struct JSON5Error: Error, Equatable, CustomStringConvertible {
    package let position: TextPosition
    /// `expected ',' or '}', found 'x'`
    package let message: String

    /// `3:17: expected ',' or '}', found 'x'`
    package var description: String { "\(position): \(message)" }
}

/// Reads JSON5 (https://spec.json5.org) and keeps where everything stands.
///
/// Our own, because every problem in a configuration is reported with its line and path: Foundation's decoder reads JSON5 but
/// forgets positions, and importing it costs 60 MB of executable and half of the start-up time.
package enum JSON5 {
    /// Objects and arrays may stand in each other so many times.
    package static let maxNesting = 64

    /// Reads one value with nothing but white space and comments around it.
    ///
    /// Stricter than the standard in one point: a key that stands twice in an object is an error.
    package static func parse(_ text: [UInt8]) throws(JSON5Error) -> JSON5Value {
        var reader = JSON5Reader(text)
        return try reader.document()
    }
}
