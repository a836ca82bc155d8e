/// Fields of a message to be sent, kept as the bytes that go out.
package struct HTTPFieldList: Sendable, Hashable {
    /// `name: value CRLF`, repeated.
    package private(set) var bytes: [UInt8] = []

    package init() {}

    /// Appends a field.
    ///
    /// - Precondition: `name` is a token; `value` holds no CR, LF or other control character. Check what users may have chosen.
    package mutating func append(_ name: String, _ value: String) {
        precondition(!name.isEmpty && name.utf8.allSatisfy(ASCII.isToken), "a field name must be a token")
        precondition(HTTPFieldList.isValid(value), "a field value must not hold control characters")
        bytes.append(contentsOf: name.utf8)
        bytes.append(ASCII.colon)
        bytes.append(ASCII.space)
        bytes.append(contentsOf: value.utf8)
        bytes.append(ASCII.cr)
        bytes.append(ASCII.lf)
    }

    /// True where `value` may be sent as a field's value.
    package static func isValid(_ value: String) -> Bool { value.utf8.allSatisfy(ASCII.isFieldText) }
}
