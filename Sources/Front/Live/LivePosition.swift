/// How far a client has seen a group: the id of the events in a live event stream.
///
/// As text `front-group-epoch-version`, hexadecimal. What it says holds for one front as long as it runs and keeps the group;
/// after that no position is before the present one, and the client gets a snapshot.
struct LivePosition: Hashable {
    let front: UInt64
    let group: Int
    let epoch: Int
    let version: UInt64

    var text: String {
        [front, UInt64(group), UInt64(epoch), version].map { String($0, radix: 16) }.joined(separator: "-")
    }

    init(front: UInt64, group: Int, epoch: Int, version: UInt64) {
        self.front = front
        self.group = group
        self.epoch = epoch
        self.version = version
    }

    /// Reads what a client sent as `Last-Event-ID`; nil where it is none of ours.
    init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { UInt64($0, radix: 16) }
        guard parts.count == 4, let front = parts[0], let group = parts[1].flatMap({ Int(exactly: $0) }),
            let epoch = parts[2].flatMap({ Int(exactly: $0) }), let version = parts[3]
        else { return nil }
        self.init(front: front, group: group, epoch: epoch, version: version)
    }

    /// True where updates lead from here to `other`, or nothing has happened in between.
    func isBefore(_ other: LivePosition) -> Bool {
        front == other.front && group == other.group && epoch == other.epoch && version <= other.version
    }
}
