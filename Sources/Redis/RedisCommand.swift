/// One command in the server's own encoding, written argument by argument into one buffer.
///
/// ```
/// var command = RedisCommand("XADD")
/// command.append("weir:{0}:events")
/// command.append("*")
/// command.append("batch")
/// command.append(bytes)          // any bytes, 1 MB is fine
/// ```
/// No argument costs an allocation of its own.
package struct RedisCommand: Sendable {
    /// What errors call it.
    package let operation: StaticString
    /// How long the server itself may wait before it answers (`XREAD BLOCK`); added to the deadline.
    package var blockTime = Duration.zero
    /// The arguments, each as `$<length>\r\n<bytes>\r\n`; the header with their number is written when it is sent.
    private(set) var body: [UInt8] = []
    /// How many there are, the name included.
    package private(set) var argumentCount = 0
    /// Bytes of the first argument, as it stands in `body`.
    private var nameByteCount = 0

    /// Begins a command; `operation` is what errors call it, the command's name unless told.
    package init(_ name: StaticString, operation: StaticString? = nil) {
        self.operation = operation ?? name
        body.reserveCapacity(128)  // one allocation instead of four while a usual command grows
        append(name)
        nameByteCount = body.count
    }

    /// A whole command of texts.
    package init(_ name: StaticString, _ arguments: String...) {
        self.init(name)
        for argument in arguments { append(argument) }
    }

    /// A call of a Redis Function: name and keys; append the arguments. Errors call it by the function's name.
    ///
    /// - Parameters:
    ///   - function: its name, such as `weir_apply`.
    ///   - keys: the keys it is given, all with one hash tag.
    ///   - readOnly: true for a function with the flag `no-writes`.
    package init(function: StaticString, keys: [String], readOnly: Bool = false) {
        self.init(readOnly ? "FCALL_RO" : "FCALL", operation: function)
        append(function)
        append(keys.count)
        for key in keys { append(key) }
    }

    /// All arguments of `other` behind its name: what many commands end with needs to be encoded only once.
    package mutating func append(argumentsOf other: RedisCommand) {
        body.append(contentsOf: other.body[other.nameByteCount...])
        argumentCount += other.argumentCount - 1
    }

    /// Makes room for `bytes` more, where the caller knows what is coming.
    package mutating func reserve(bytes: Int) { body.reserveCapacity(body.count + bytes) }

    /// Any bytes.
    package mutating func append(_ bytes: [UInt8]) { append(bytes.span.bytes) }

    /// Any bytes.
    package mutating func append(_ bytes: ArraySlice<UInt8>) { append(bytes.span.bytes) }

    /// A text, as UTF-8.
    package mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append(raw: UnsafeRawBufferPointer($0)) }
    }

    /// A text, as UTF-8.
    package mutating func append(_ text: StaticString) {
        if text.hasPointerRepresentation {
            append(raw: UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
        } else {
            append(text.description)
        }
    }

    /// Any bytes, wherever they are.
    package mutating func append(_ bytes: borrowing RawSpan) {
        bytes.withUnsafeBytes { append(raw: $0) }
    }

    /// A number as decimal digits.
    package mutating func append(_ number: Int) {
        let digits = DecimalDigits(number)
        beginArgument(byteCount: digits.count)
        digits.write(to: &body)
        endLine()
    }

    private mutating func append(raw: UnsafeRawBufferPointer) {
        beginArgument(byteCount: raw.count)
        body.append(contentsOf: raw)
        endLine()
    }

    private mutating func beginArgument(byteCount: Int) {
        argumentCount += 1
        body.append(UInt8(ascii: "$"))
        if byteCount < 10 {
            body.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: byteCount))
        } else {
            DecimalDigits(byteCount).write(to: &body)
        }
        endLine()
    }

    private mutating func endLine() {
        body.append(UInt8(ascii: "\r"))
        body.append(UInt8(ascii: "\n"))
    }

    /// Bytes on the wire, or a few less.
    var byteCount: Int { body.count + 8 }

    /// Appends the whole command, header first, to what goes to the server.
    func encode(into output: inout [UInt8]) {
        output.append(UInt8(ascii: "*"))
        DecimalDigits(argumentCount).write(to: &output)
        output.append(UInt8(ascii: "\r"))
        output.append(UInt8(ascii: "\n"))
        output.append(contentsOf: body)
    }
}

/// The digits of a number, without a String on the way.
private struct DecimalDigits {
    private var storage = InlineArray<20, UInt8>(repeating: 0)
    private(set) var count = 0

    init(_ number: Int) {
        var rest = number.magnitude
        repeat {
            count += 1
            storage[20 - count] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        if number < 0 {
            count += 1
            storage[20 - count] = UInt8(ascii: "-")
        }
    }

    func write(to output: inout [UInt8]) {
        for index in (20 - count)..<20 { output.append(storage[index]) }
    }
}
