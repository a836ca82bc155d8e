import Glibc

/// A user of this machine.
package struct UserAccount: Sendable, Hashable {
    package let name: String
    let id: uid_t
    let group: gid_t

    /// Looks a user up by name.
    package init?(named name: String) {
        guard let entry = getpwnam(name) else { return nil }
        self.name = name
        id = entry.pointee.pw_uid
        group = entry.pointee.pw_gid
    }

    /// The user for servers that refuse to run as root: nil when we are not root, else `postgres` or `nobody`.
    package static let unprivileged: UserAccount? =
        geteuid() == 0 ? UserAccount(named: "postgres") ?? UserAccount(named: "nobody") : nil
}
