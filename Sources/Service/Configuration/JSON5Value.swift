/// A place in a text file, both counted from 1; columns count Unicode scalars, as editors do.
package struct TextPosition: Sendable, Equatable, CustomStringConvertible {
    package let line: Int
    package let column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    /// `3:17`
    package var description: String { "\(line):\(column)" }
}

/// A value of a JSON5 text and where it begins.
package struct JSON5Value: Sendable {
    /// What kind of value it is, with its content.
    package indirect enum Content: Sendable {
        case null
        case bool(Bool)
        /// `literal` is the number as written, for whole numbers above 2^53.
        case number(Double, literal: String)
        case string(String)
        case array([JSON5Value])
        /// Members in the order written; no key stands twice.
        case object([JSON5Member])
    }

    package let content: Content
    package let position: TextPosition

    /// Makes a value, for tests and built-in defaults.
    package init(_ content: Content, at position: TextPosition) {
        self.content = content
        self.position = position
    }
}

/// One key of an object with its value.
package struct JSON5Member: Sendable {
    package let key: String
    package let keyPosition: TextPosition
    package let value: JSON5Value
}

extension JSON5Value {
    /// The value under `key`; nil if this is no object or has no such key.
    package subscript(key: String) -> JSON5Value? { members?.first { $0.key == key }?.value }

    /// The members if this is an object.
    package var members: [JSON5Member]? {
        if case .object(let members) = content { members } else { nil }
    }

    /// The elements if this is an array.
    package var elements: [JSON5Value]? {
        if case .array(let elements) = content { elements } else { nil }
    }

    /// The text if this is a string.
    package var string: String? {
        if case .string(let text) = content { text } else { nil }
    }

    /// The number if this is one.
    package var number: Double? {
        if case .number(let number, _) = content { number } else { nil }
    }

    /// The number if this is one, whole, and fits.
    package var integer: Int64? {
        guard case .number(let number, let literal) = content else { return nil }
        return Int64(literal) ?? Int64(exactly: number)
    }

    /// The truth value if this is one.
    package var bool: Bool? {
        if case .bool(let flag) = content { flag } else { nil }
    }

    /// What kind of value this is, for error messages: `a string`, `an object` ….
    package var kindName: String {
        switch content {
        case .null: "null"
        case .bool: "a truth value"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}
