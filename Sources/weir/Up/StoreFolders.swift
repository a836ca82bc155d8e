import Glibc
import Reactor
import Service

/// Where the stores keep their files and sockets.
struct StoreFolders: Sendable {
    let redis: String
    let postgres: String
    let postgresPassword: String
    let sockets: String
    /// Whether the sockets are outside the data folder, and go at the end.
    private let socketsAreElsewhere: Bool
    /// What the user should know about the places, one sentence.
    let remark: String?

    /// The longest path of a socket is that of PostgreSQL with a port of five digits; a socket's address holds 107 bytes.
    private static let longestFolder = 107 - "/.s.PGSQL.65535".utf8.count

    /// Chooses the places and makes the folders, for `account` where there is one.
    init(_ data: DataFolder, account: StoreAccount?, children: LivingChildren) async throws {
        let (base, remark) = try await Self.base(data, account, children)
        redis = "\(base)/redis"
        postgres = "\(base)/postgres"
        postgresPassword = "\(base)/postgres-password"
        self.remark = remark
        try makeFolders(redis, mode: 0o700)
        account?.own(redis)
        let sockets = "\(base)/run"
        try makeFolders(sockets, mode: 0o700)
        account?.own(sockets)
        socketsAreElsewhere = !Self.isAddressable(sockets) || !canHoldSockets(sockets)
        self.sockets = socketsAreElsewhere ? try Self.shortFolder(for: base, account) : sockets
    }

    var redisSocket: String { "\(sockets)/redis.sock" }

    /// Removes what is not in the data folder and worth nothing any more.
    func clean() {
        if socketsAreElsewhere { unsafe rmdir(sockets) }
    }

    /// The cluster's place as far as it is known before an account is chosen.
    static func expectedPostgres(_ data: DataFolder) -> String {
        let elsewhere = "\(data.path)/stores"
        return FileOwner(elsewhere) == nil ? "\(data.path)/postgres" : "\(elsewhere)/postgres"
    }

    private static func base(
        _ data: DataFolder, _ account: StoreAccount?, _ children: LivingChildren
    ) async throws -> (String, remark: String?) {
        let link = "\(data.path)/stores"
        if FileOwner(link) != nil {
            if let base = absolutePath(link) { return (base, nil) }
            throw StartError(
                .configuration,
                "\(data.name)/stores points to a folder that is gone, and the data with it: bring it back, or remove "
                    + "\(data.name) to start afresh")
        }
        guard let account, !(await account.canEnter(data.path, children)) else { return (data.path, nil) }
        let reason = "user \(account.name), who runs the stores, cannot enter \(data.path)"
        guard FileOwner("\(data.path)/postgres") == nil else {
            throw StartError(
                .configuration, "\(reason): let others enter it and the folders above (chmod o+x), or move it")
        }
        // Opening somebody's private folders is not ours to do, and a home of root is private.
        let base = "/var/lib/weir/" + hexadecimal(UInt64.random(in: 0 ... .max))
        try makeFolders(base, mode: 0o711)
        guard unsafe symlink(base, link) == 0 else {
            throw StartError(.cannotCreate, "\(FileError(path: link, code: errno))")
        }
        return (base, "\(reason), so their files are in \(base)")
    }

    /// Whether clients can name sockets there: a socket's address is short, and libpq takes a comma for a list of hosts.
    private static func isAddressable(_ folder: String) -> Bool {
        folder.utf8.count <= longestFolder && !folder.contains { ",'\"\\".contains($0) }
    }

    private static func shortFolders(for base: String, user: uid_t, isOwn: Bool) -> [String] {
        let runtime = unsafe isOwn ? getenv("XDG_RUNTIME_DIR").map { unsafe String(cString: $0) } : nil
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325  // FNV-1a
        for byte in base.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        let name = "weir-\(user)-\(hexadecimal(hash))"
        return [runtime, "/tmp"].compactMap { $0 }.map { "\($0)/\(name)" }
    }

    /// Where the stores of a `weir up` that runs in a folder can be reached, for commands that come to look.
    ///
    /// - Throws: `StartError` where none runs there.
    static func addresses(of data: String) throws(StartError) -> (redis: String, postgres: String) {
        let place = FileOwner("\(data)/stores") == nil ? data : "\(data)/stores"
        guard let base = absolutePath(place), let owner = FileOwner("\(base)/redis") else {
            throw StartError(.unavailable, "\(data) is no folder of a weir up")
        }
        let others = shortFolders(for: base, user: owner.user, isOwn: owner.user == geteuid())
        guard let sockets = (["\(base)/run"] + others).first(where: { FileOwner("\($0)/redis.sock") != nil }),
            let line = PrivatePostgres.serverLine(3, of: "\(base)/postgres"), let port = Int(line)
        else { throw StartError(.unavailable, "no weir up runs in \(data), or it is another user's") }
        return ("unix://\(sockets)/redis.sock", PrivatePostgres.connection(sockets, port: port))
    }

    /// A folder for sockets with a short path, always the same for the same data.
    private static func shortFolder(for base: String, _ account: StoreAccount?) throws(StartError) -> String {
        let user = account?.user ?? geteuid()
        let candidates = shortFolders(for: base, user: user, isOwn: account == nil)
        for folder in candidates where isAddressable(folder) {
            if unsafe mkdir(folder, 0o700) == 0 { account?.own(folder) }
            // In /tmp somebody else may have been there first, to listen in our place.
            if let owner = FileOwner(folder), owner.isFolder, owner.isPrivate, owner.user == user,
                canHoldSockets(folder)
            {
                return folder
            }
        }
        throw StartError(
            .cannotCreate,
            "\(base) cannot hold Unix sockets (its path is too long or strange, or its file system refuses them), and none of \(candidates.joined(separator: ", ")) can be "
                + "used instead: choose another folder with --data")
    }
}

private func hexadecimal(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}

/// Whether the file system knows Unix sockets; some that are shared with a host do not.
private func canHoldSockets(_ folder: String) -> Bool {
    let path = "\(folder)/probe"
    unsafe unlink(path)
    defer { unsafe unlink(path) }
    guard let probe = LocalSocket(.unix(path: path)) else { return false }
    return probe.bindAndListen() == 0
}
