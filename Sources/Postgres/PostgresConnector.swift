internal import CPostgres
internal import Reactor

extension PostgresConfiguration {
    /// Connects without blocking the loop; on the loop only.
    ///
    /// libpq would ask the resolver in the middle of it, which blocks, so names are looked up first and given as addresses.
    func connect(on loop: EventLoop) async throws(PostgresError) -> PostgresLink {
        let deadline = Deadline(connectTimeout)
        let (keywords, values) = try await connectionOptions(on: loop, deadline)
        guard
            let raw = withCStrings(
                keywords, { keywords in withCStrings(values) { PQconnectStartParams(keywords, $0, 0) } })
        else { throw PostgresError(.disconnected, "connect", "out of memory") }
        let link = PostgresLink(adopting: raw, onNotice: onNotice)
        guard !link.isBroken else { throw PostgresError(.disconnected, "connect", link.lastMessage) }
        var next = PGRES_POLLING_WRITING
        while next != PGRES_POLLING_OK {
            do throws(ReactorError) {
                try await loop.waitUntilReady(
                    link.descriptor, toRead: next == PGRES_POLLING_READING, toWrite: next == PGRES_POLLING_WRITING,
                    within: deadline.left)
            } catch {
                throw PostgresError(error, "connect", mayHaveRun: false)
            }
            next = PQconnectPoll(raw)
            guard next != PGRES_POLLING_FAILED else {
                throw PostgresError(.disconnected, "connect", link.lastMessage)
            }
        }
        PQsetnonblocking(raw, 1)
        return link
    }

    private func connectionOptions(
        on loop: EventLoop, _ deadline: Deadline
    ) async throws(PostgresError) -> ([String], [String]) {
        var all = [
            "client_encoding": "UTF8", "fallback_application_name": applicationName,
            "keepalives_idle": "15", "keepalives_interval": "5", "keepalives_count": "4", "tcp_user_timeout": "35000",
        ]
        all.merge(options) { $1 }
        all["password"] = password?.text
        if all["hostaddr"] == nil, let hosts = all["host"] ?? Self.environmentDefault("host") {
            try await Self.resolve(hosts, in: &all, on: loop, deadline)
        }
        let sorted = all.sorted { $0.key < $1.key }
        return (sorted.map(\.key), sorted.map(\.value))
    }

    /// Replaces a list of hosts by one that has an entry for each of their addresses.
    private static func resolve(
        _ hosts: String, in options: inout [String: String], on loop: EventLoop, _ deadline: Deadline
    ) async throws(PostgresError) {
        let names = hosts.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        let ports = (options["port"] ?? environmentDefault("port") ?? "5432")
            .split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard ports.count == 1 || ports.count == names.count else { return }  // libpq says what is wrong
        var entries: [(host: String, address: String, port: String)] = []
        var failure: ReactorError?
        for (index, name) in names.enumerated() {
            let port = ports.count == 1 ? ports[0] : ports[index]
            guard !name.isEmpty && !name.hasPrefix("/") && !name.hasPrefix("@") else {
                entries.append((name, "", port))
                continue
            }
            do throws(ReactorError) {
                for address in try await loop.lookUp(host: name, port: 0, within: deadline.left) {
                    entries.append((name, address.numericHost, port))
                }
            } catch {
                guard error.code == .badAddress else { throw PostgresError(error, "connect", mayHaveRun: false) }
                failure = error
            }
        }
        if entries.isEmpty, let failure { throw PostgresError(.disconnected, "connect", failure.description) }
        options["host"] = entries.map(\.host).joined(separator: ",")
        options["hostaddr"] = entries.map(\.address).joined(separator: ",")
        options["port"] = entries.map(\.port).joined(separator: ",")
    }

    /// What libpq takes from the environment (`PGHOST`) or was built with.
    private static func environmentDefault(_ keyword: String) -> String? {
        guard let list = PQconndefaults() else { return nil }
        defer { PQconninfoFree(list) }
        var option = list
        while let name = option.pointee.keyword {
            if String(cString: name) == keyword { return option.pointee.val.map { String(cString: $0) } }
            option += 1
        }
        return nil
    }
}

extension PostgresError {
    /// What the loop says while a statement waits for the network.
    init(_ error: ReactorError, _ operation: StaticString, mayHaveRun: Bool) {
        let code: Code =
            switch error.code {
            case .timedOut: .timedOut
            case .cancelled: .cancelled
            case .resources, .addressInUse, .badAddress, .disconnected: .disconnected
            }
        let message = code == .timedOut ? "not done in time" : error.detail
        self.init(code, operation, message, mayHaveRun: mayHaveRun)
    }
}

/// Lends texts to C as an array that ends with nil.
private func withCStrings<Result>(_ texts: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result) -> Result
{
    var bytes: [CChar] = []
    var offsets: [Int] = []
    for text in texts {
        offsets.append(bytes.count)
        bytes.append(contentsOf: text.utf8CString)
    }
    return bytes.withUnsafeBufferPointer { buffer in
        var pointers = offsets.map { offset in buffer.baseAddress.map { $0 + offset } }
        pointers.append(nil)
        return pointers.withUnsafeBufferPointer { list in
            guard let start = list.baseAddress else { preconditionFailure("an array of at least one has an address") }
            return body(start)
        }
    }
}
