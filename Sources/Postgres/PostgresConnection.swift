internal import CPostgres
internal import Glibc
package import Reactor

/// One connection to PostgreSQL, driven by an event loop; one statement at a time.
///
/// Statements have a deadline, and are cancelled on the server when it passes or when the caller's task is cancelled; where
/// that does not help within `cancelGrace`, the connection is given up. A connection that was lost stays so: its user takes
/// a new one, usually from a `PostgresPool`.
///
/// Threading: an actor of its loop; callers on the same loop (`EventLoop.spawn`) do not change threads.
package actor PostgresConnection {
    package nonisolated let loop: EventLoop
    package nonisolated let configuration: PostgresConfiguration
    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private var link: PostgresLink?
    private var loss = PostgresError(.disconnected, "connect", "not connected")
    private var isBusy = false
    /// The COPY that is going on, and how long it may take.
    private var copy: (operation: StaticString, deadline: Deadline, isSending: Bool)?
    /// The names of the statements that the server keeps prepared, by their text.
    private var prepared: [String: String] = [:]
    private var lastPrepared = 0
    private var onLoss: (@Sendable () -> Void)?

    private init(_ configuration: PostgresConfiguration, loop: EventLoop) {
        self.configuration = configuration
        self.loop = loop
    }

    isolated deinit {
        // libpq's connection and its watch belong to the loop's thread.
        link = nil
    }

    /// Connects; the caller ends it with `close`, or by releasing it.
    ///
    /// - Throws: `.disconnected`, `.timedOut`, `.cancelled`.
    package static func connect(
        _ configuration: PostgresConfiguration, loop: EventLoop
    ) async throws(PostgresError) -> PostgresConnection {
        let connection = PostgresConnection(configuration, loop: loop)
        try await connection.open()
        return connection
    }

    /// Whether statements can be run; false once the connection was lost or closed.
    package var isOpen: Bool { link != nil }

    /// Whether the connection is open and no transaction is.
    package var isReusable: Bool { !isBusy && link?.isOutsideTransaction == true }

    /// Ends the connection at once, also under a statement; a transaction that is open is rolled back by the server.
    package func close() { lose(PostgresError(.disconnected, "close", "the connection was closed")) }

    /// Lets `body` know, once, when the connection is lost while nobody uses it.
    func onLoss(_ body: @escaping @Sendable () -> Void) { onLoss = body }

    // MARK: Statements

    /// Runs one statement and returns its rows, all in memory.
    ///
    /// - Parameters:
    ///   - sql: one statement, with `$1`, `$2` … for the parameters.
    ///   - parameters: sent in binary.
    ///   - operation: what errors call it.
    ///   - timeout: the configuration's `statementTimeout` unless told.
    ///   - isPrepared: whether this connection keeps the statement prepared by its text; no for one that is rarely used.
    /// - Returns: the rows, in binary.
    /// - Throws: `.rejected` with the server's words, `.timedOut`, `.cancelled`, `.disconnected`.
    package func query(
        _ sql: String, _ parameters: [PostgresParameter] = [], operation: StaticString = "query",
        timeout: Duration? = nil, isPrepared: Bool = true
    ) async throws(PostgresError) -> QueryResult {
        let deadline = Deadline(timeout ?? configuration.statementTimeout)
        let encoded = EncodedParameters(parameters)
        let link = try begin(operation)
        defer { end() }
        if isPrepared, let name = try await prepare(sql, encoded.types, link, operation, deadline) {
            do throws(PostgresError) {
                return try await exchange(link, operation, deadline) {
                    encoded.withRaw { PQsendQueryPrepared(link.raw, name, $0, $1, $2, $3, 1) }
                }
            } catch {
                // Its tables have changed, or a pooler has given us another session: it is prepared anew next time.
                if error.sqlState == "0A000" || error.sqlState == "26000" { prepared[sql] = nil }
                throw error
            }
        }
        return try await exchange(link, operation, deadline) {
            encoded.withRaw { PQsendQueryParams(link.raw, sql, $0, encoded.types, $1, $2, $3, 1) }
        }
    }

    /// Runs any number of statements without parameters, such as a migration; unless they say otherwise, in one transaction.
    ///
    /// - Parameters:
    ///   - script: statements with semicolons between them.
    ///   - operation: what errors call it.
    ///   - timeout: for all together; the configuration's `statementTimeout` unless told.
    /// - Throws: as `query`, the first error of all.
    package func execute(
        script: String, operation: StaticString = "script", timeout: Duration? = nil
    ) async throws(PostgresError) {
        let link = try begin(operation)
        defer { end() }
        _ = try await exchange(link, operation, Deadline(timeout ?? configuration.statementTimeout)) {
            PQsendQuery(link.raw, script)
        }
    }

    /// Ends an open transaction, also in a cancelled task; where that fails, the connection is given up.
    func rollBackIfOpen() async {
        guard let link, !link.isOutsideTransaction, let busy = try? begin("ROLLBACK", isCancellable: false) else {
            return
        }
        defer { end() }
        do throws(PostgresError) {
            _ = try await exchange(busy, "ROLLBACK", Deadline(configuration.cancelGrace), isCancellable: false) {
                PQsendQuery(busy.raw, "ROLLBACK")
            }
        } catch { lose(error) }
    }

    private func prepare(
        _ sql: String, _ types: [Oid], _ link: PostgresLink, _ operation: StaticString, _ deadline: Deadline
    ) async throws(PostgresError) -> String? {
        if let name = prepared[sql] { return name }
        guard prepared.count < configuration.maxPreparedStatements else { return nil }
        lastPrepared += 1
        let name = "weir_\(lastPrepared)"
        _ = try await exchange(link, operation, deadline) {
            PQsendPrepare(link.raw, name, sql, CInt(types.count), types)
        }
        prepared[sql] = name
        return name
    }

    // MARK: COPY

    /// Begins `COPY … FROM STDIN` or `COPY … TO STDOUT`; it lasts until `endCopy` or `abortCopy`.
    func beginCopy(_ sql: String, _ operation: StaticString, _ timeout: Duration) async throws(PostgresError) {
        let link = try begin(operation)
        let deadline = Deadline(timeout)
        do throws(PostgresError) {
            let result = try await exchange(link, operation, deadline) { PQsendQuery(link.raw, sql) }
            precondition(result.isCopyIn || result.isCopyOut, "\(operation) is no COPY from STDIN or to STDOUT")
            copy = (operation, deadline, result.isCopyIn)
        } catch {
            end()
            throw error
        }
    }

    /// Sends bytes of a COPY and waits until the system has taken them.
    func putCopyData(_ bytes: [UInt8], count: Int? = nil) async throws(PostgresError) {
        let (link, operation, deadline) = try copyInProgress()
        let code = bytes.withUnsafeBytes { raw in
            PQputCopyData(
                link.raw, raw.baseAddress?.assumingMemoryBound(to: CChar.self), CInt(count ?? raw.count))
        }
        guard code == 1 else { throw lost(link, operation) }
        try await flush(link, operation, deadline, isCancellable: true)
    }

    /// Rows of a COPY, some 64 KiB of them; nil after the last.
    func nextCopyData() async throws(PostgresError) -> [UInt8]? {
        let (link, operation, deadline) = try copyInProgress()
        var bytes: [UInt8] = []
        while true {
            var chunk: UnsafeMutablePointer<CChar>?
            let count = Int(PQgetCopyData(link.raw, &chunk, 1))
            switch count {
            case 1...:
                bytes.append(contentsOf: UnsafeRawBufferPointer(start: chunk, count: count))
                PQfreemem(chunk)
                if bytes.count >= 64 << 10 { return bytes }
            case 0:
                if !bytes.isEmpty { return bytes }
                try await waitToRead(link, operation, deadline, isCancellable: true)
            default: return bytes.isEmpty ? nil : bytes  // at the end, and also where `endCopy` finds an error
            }
        }
    }

    /// Ends a COPY after its last row and returns how many rows it moved.
    func endCopy() async throws(PostgresError) -> Int {
        let (link, operation, deadline) = try copyInProgress()
        let isSending = copy?.isSending == true
        copy = nil
        defer { end() }
        let result = try await exchange(link, operation, deadline) { isSending ? PQputCopyEnd(link.raw, nil) : 1 }
        return result.affectedRows
    }

    /// Gives up a COPY, also in a cancelled task: none of its rows stay.
    func abortCopy() async {
        guard let (link, operation, _) = try? copyInProgress() else {
            if copy != nil {
                copy = nil
                end()
            }
            return
        }
        copy = nil
        defer { end() }
        _ = await interrupt(link, because: PostgresError(.cancelled, operation, "given up"))
    }

    private func copyInProgress() throws(PostgresError) -> (PostgresLink, StaticString, Deadline) {
        guard let copy else { preconditionFailure("no COPY is going on") }
        guard let link else { throw loss.with(.disconnected, copy.operation, mayHaveRun: false) }
        return (link, copy.operation, copy.deadline)
    }

    // MARK: The exchange

    private func open() async throws(PostgresError) {
        let link = try await configuration.connect(on: loop)
        link.idleWatch = loop.watch(link.descriptor) { [weak self] in
            self?.assumeIsolated { $0.readWhileIdle() }
        } onWritable: {
        }
        self.link = link
        end()
    }

    private func begin(_ operation: StaticString, isCancellable: Bool = true) throws(PostgresError) -> PostgresLink {
        precondition(!isBusy, "\(operation): another statement runs on this connection")
        guard let link else { throw loss.with(.disconnected, operation, mayHaveRun: false) }
        guard !isCancellable || !Task.isCancelled else {
            throw PostgresError(.cancelled, operation, "the task was cancelled")
        }
        isBusy = true
        link.idleWatch?.want(read: false, write: false)
        return link
    }

    private func end() {
        isBusy = false
        link?.idleWatch?.want(read: true, write: false)
    }

    /// Sends by `send`, which returns 1 if libpq took it, and collects what comes back.
    private func exchange(
        _ link: PostgresLink, _ operation: StaticString, _ deadline: Deadline, isCancellable: Bool = true,
        _ send: () -> CInt
    ) async throws(PostgresError) -> QueryResult {
        guard send() == 1 else { throw lost(link, operation) }
        let results = ResultList()
        do throws(PostgresError) {
            try await flush(link, operation, deadline, isCancellable: isCancellable)
            try await collect(into: results, link, operation, deadline, isCancellable: isCancellable)
        } catch {
            guard error.code != .disconnected else { throw error }
            throw await interrupt(link, because: error)
        }
        if let error = results.error(operation) {
            if error.code == .disconnected || link.isBroken {
                lose(error)
                throw error.with(.disconnected, operation, mayHaveRun: true)
            }
            throw error
        }
        guard let last = results.takeLast(operation) else {
            throw PostgresError(.rejected, operation, "there was no statement in it")
        }
        return last
    }

    /// Hands what is queued to the system, waiting for room where there is none.
    private func flush(
        _ link: PostgresLink, _ operation: StaticString, _ deadline: Deadline, isCancellable: Bool
    ) async throws(PostgresError) {
        while true {
            switch PQflush(link.raw) {
            case 0: return
            case 1:
                // What comes in has to be read meanwhile, as the server may wait for that before it reads on.
                do throws(ReactorError) {
                    try await loop.waitUntilReady(
                        link.descriptor, toRead: true, toWrite: true, within: deadline.left,
                        isCancellable: isCancellable)
                } catch { throw PostgresError(error, operation, mayHaveRun: true) }
                guard self.link === link, PQconsumeInput(link.raw) == 1 else { throw lost(link, operation) }
            default: throw lost(link, operation)
            }
        }
    }

    private func collect(
        into results: ResultList, _ link: PostgresLink, _ operation: StaticString, _ deadline: Deadline,
        isCancellable: Bool
    ) async throws(PostgresError) {
        while true {
            while PQisBusy(link.raw) == 1 {
                do throws(PostgresError) {
                    try await waitToRead(link, operation, deadline, isCancellable: isCancellable)
                } catch {
                    // The server's own last words say more than "connection closed".
                    if error.code == .disconnected, let words = results.error(operation) { throw words }
                    throw error
                }
            }
            guard let result = PQgetResult(link.raw) else { return }
            results.append(result)
            let status = PQresultStatus(result)
            if status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH { return }
        }
    }

    private func waitToRead(
        _ link: PostgresLink, _ operation: StaticString, _ deadline: Deadline, isCancellable: Bool
    ) async throws(PostgresError) {
        do throws(ReactorError) {
            try await loop.waitUntilReady(
                link.descriptor, toRead: true, toWrite: false, within: deadline.left, isCancellable: isCancellable)
        } catch { throw PostgresError(error, operation, mayHaveRun: true) }
        guard self.link === link, PQconsumeInput(link.raw) == 1 else { throw lost(link, operation) }
    }

    /// Ends a statement that took too long or is not wanted any more, so that the connection can be used again.
    ///
    /// Returns only after the server has taken the request to cancel, as that could hit the next statement otherwise.
    private func interrupt(_ link: PostgresLink, because error: PostgresError) async -> PostgresError {
        guard configuration.cancelGrace > .zero else {
            lose(error)
            return error.with(error.code, error.operation, mayHaveRun: true)
        }
        let deadline = Deadline(configuration.cancelGrace)
        let results = ResultList()
        do throws(PostgresError) {
            if PQtransactionStatus(link.raw) == PQTRANS_ACTIVE, let request = CancelRequest(link) {
                do throws(ReactorError) {
                    try await loop.runBlocking("pg-cancel", within: deadline.left, isCancellable: false) {
                        request.send()
                    }
                } catch { throw PostgresError(error, "cancel", mayHaveRun: true) }
            }
            try await flush(link, error.operation, deadline, isCancellable: false)
            repeat {
                try await endCopyData(link, error.operation, deadline)
                try await collect(into: results, link, error.operation, deadline, isCancellable: false)
            } while results.lastStatus == PGRES_COPY_IN || results.lastStatus == PGRES_COPY_OUT
        } catch {
            lose(error)
            return error.with(error.code, error.operation, mayHaveRun: true)
        }
        if link.isBroken { lose(PostgresError(.disconnected, error.operation, link.lastMessage)) }
        // A statement that the server refused or ended had no effect; one that was quicker than its cancellation had.
        return error.with(error.code, error.operation, mayHaveRun: results.error(error.operation) == nil)
    }

    /// Gets a connection out of whatever COPY it is in.
    private func endCopyData(
        _ link: PostgresLink, _ operation: StaticString, _ deadline: Deadline
    ) async throws(PostgresError) {
        if PQputCopyEnd(link.raw, "given up by the client") == 1 {
            return try await flush(link, operation, deadline, isCancellable: false)
        }
        while true {
            var chunk: UnsafeMutablePointer<CChar>?
            let count = PQgetCopyData(link.raw, &chunk, 1)
            PQfreemem(chunk)
            if count < 0 { return }
            if count == 0 { try await waitToRead(link, operation, deadline, isCancellable: false) }
        }
    }

    /// The server has something to say while nothing was asked: a notice, a changed setting, or goodbye.
    private func readWhileIdle() {
        guard let link, !isBusy else { return }
        let isAlive = PQconsumeInput(link.raw) == 1 && PQisBusy(link.raw) >= 0
        if !isAlive || link.isBroken { lose(PostgresError(.disconnected, "idle", link.lastMessage)) }
    }

    /// Gives up the connection and returns the error for the statement that noticed.
    private func lost(_ link: PostgresLink, _ operation: StaticString) -> PostgresError {
        guard self.link === link else { return loss.with(.disconnected, operation, mayHaveRun: true) }
        let error = PostgresError(.disconnected, operation, link.lastMessage, mayHaveRun: true)
        lose(error)
        return error
    }

    private func lose(_ error: PostgresError) {
        guard let link else { return }
        // Whoever waits for the server on this descriptor is woken by that.
        if isBusy { shutdown(link.descriptor, CInt(SHUT_RDWR)) }
        loss = error
        self.link = nil
        prepared = [:]
        onLoss.take()?()
    }
}
