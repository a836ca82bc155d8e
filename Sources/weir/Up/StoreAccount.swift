import Glibc
import Service

/// The user that runs the stores where root starts them: PostgreSQL refuses to run as root, and Redis has no need to.
struct StoreAccount: Sendable {
    let name: String
    let user: uid_t
    let group: gid_t

    /// Whom to run as: nobody else unless we are root; then the owner of data that is there, else `postgres` or `nobody`.
    static func choose(dataAt postgres: String) throws(StartError) -> StoreAccount? {
        guard geteuid() == 0 else { return nil }
        if let owner = FileOwner(postgres)?.user, owner != 0 {
            guard let account = unsafe StoreAccount(getpwuid(owner)) else {
                throw StartError(
                    .configuration,
                    "\(postgres) belongs to user number \(owner), whom this machine does not know: chown it to postgres"
                )
            }
            return account
        }
        for name in ["postgres", "nobody"] {
            if let account = unsafe StoreAccount(getpwnam(name)) { return account }
        }
        throw StartError(
            .configuration, "PostgreSQL refuses to run as root, and there is no user postgres or nobody here: add one")
    }

    private init?(_ entry: UnsafeMutablePointer<passwd>?) {
        guard let entry = unsafe entry else { return nil }
        name = unsafe String(cString: entry.pointee.pw_name)
        user = unsafe entry.pointee.pw_uid
        group = unsafe entry.pointee.pw_gid
    }

    /// Gives it a file or folder.
    func own(_ path: String) { unsafe chown(path, user, group) }

    /// Whether it may enter `folder`: asked by trying, since ways to be refused are many.
    func canEnter(_ folder: String, _ children: LivingChildren) async -> Bool {
        var attempt = ChildSpecification(["test", "-x", folder], output: .discard, errors: .discard)
        attempt.user = (name, String(group))
        return (try? await children.run(attempt)) == .exited(0)
    }
}

extension ChildSpecification {
    /// Lets the child be somebody else where there is an account for it.
    mutating func become(_ account: StoreAccount?) {
        if let account { user = (account.name, String(account.group)) }
    }
}
