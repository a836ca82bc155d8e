/// Events that were refused by the worker, kept so that they can be looked at and tried again.
package protocol RefusedStore: Sendable {
    /// How many partitions were ever used.
    func partitionCount() async throws(StoreError) -> Int
    /// Refused events of a partition after `position`, oldest first.
    func refused(partition: Int, after position: StreamID, limit: Int) async throws(StoreError) -> [RefusedEvent]
    /// The position of the newest; `StreamID.zero` where nothing is refused.
    func newestRefused(partition: Int) async throws(StoreError) -> StreamID
    /// Puts refused events, at most 1,000, on the log again; an outcome for each.
    func retry(partition: Int, _ positions: [StreamID]) async throws(StoreError) -> [RetryOutcome]
    /// Forgets refused events, at most 1,000; returns how many of them there were.
    func drop(partition: Int, _ positions: [StreamID]) async throws(StoreError) -> Int
}

/// What became of a refused event that was to be tried again.
package enum RetryOutcome: Sendable, Equatable {
    /// It is on the log again.
    case retried
    /// It was not among the refused ones any more.
    case gone
    /// Only its beginning was kept; it stays.
    case cut
}

/// Names a refused event in the installation: `0/1795472780134-0`, its partition and its place among those refused there.
package struct RefusedID: Hashable, Sendable, CustomStringConvertible {
    package let partition: Int
    package let position: StreamID

    package init(partition: Int, position: StreamID) {
        self.partition = partition
        self.position = position
    }

    /// Nil where the text has another form.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let partition = UInt16(parts[0]), parts[0].first != "+",
            let position = StreamID(parts[1])
        else { return nil }
        self.init(partition: Int(partition), position: position)
    }

    package var description: String { "\(partition)/\(position)" }
}

/// An event that could not be applied.
package struct RefusedEvent: Sendable, Equatable {
    package let id: RefusedID
    /// The entry of the log it stood in.
    package let entry: String
    package let reason: String
    /// When it was received, ms since 1970.
    package let receivedMs: Int64
    /// What it takes in Redis, roughly.
    package let byteCount: Int
    /// False where it was so long that only its beginning was kept; such a one cannot be tried again.
    package let isWhole: Bool
    /// Names and values in turn, any bytes.
    package let fields: [[UInt8]]

    package init(
        id: RefusedID, entry: String, reason: String, receivedMs: Int64, byteCount: Int, isWhole: Bool,
        fields: [[UInt8]]
    ) {
        self.id = id
        self.entry = entry
        self.reason = reason
        self.receivedMs = receivedMs
        self.byteCount = byteCount
        self.isWhole = isWhole
        self.fields = fields
    }
}
