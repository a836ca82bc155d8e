/// The blocks of `text/event-stream` (HTML Standard, section 9.2).
package enum ServerSentEvent {
    /// A comment, which keeps the connection alive and is shown to nobody.
    package static let heartbeat = Array(": \n\n".utf8)

    /// One event: its data (UTF-8; each line becomes one of `data:`), and what listeners call it. A client that comes back sends
    /// the last `id` it saw as `Last-Event-ID`.
    ///
    /// - Precondition: `name` and `id` hold no line ends.
    package static func encode(_ data: [UInt8], name: String? = nil, id: String? = nil) -> [UInt8] {
        var block: [UInt8] = []
        block.reserveCapacity(data.count + 64)
        for (field, value) in [("event: ", name), ("id: ", id)] {
            guard let value else { continue }
            precondition(!value.utf8.contains { $0 == ASCII.cr || $0 == ASCII.lf }, "a field is one line")
            block.append(contentsOf: field.utf8)
            block.append(contentsOf: value.utf8)
            block.append(ASCII.lf)
        }
        for line in data.split(omittingEmptySubsequences: false, whereSeparator: { $0 == ASCII.lf }) {
            block.append(contentsOf: "data: ".utf8)
            block.append(contentsOf: line.last == ASCII.cr ? line.dropLast() : line)
            block.append(ASCII.lf)
        }
        block.append(ASCII.lf)
        return block
    }

    /// How long a client waits before it connects again.
    package static func retry(ms: Int) -> [UInt8] { Array("retry: \(ms)\n\n".utf8) }
}
