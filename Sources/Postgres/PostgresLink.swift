internal import CPostgres
internal import Reactor

/// One `PGconn` and what belongs to it; freed together, on the loop's thread.
///
/// The socket is driven by libpq's non-blocking calls: whenever one of them needs the network, the caller waits for the
/// descriptor on the loop and calls again.
final class PostgresLink {
    let raw: OpaquePointer
    /// libpq calls it with notices, so it lives as long as `raw`.
    private let notices: NoticeSink
    /// Looks for the server's goodbye while nothing else reads; cancelled before libpq closes the descriptor.
    var idleWatch: FileWatch?

    /// Takes over a connection that may still be on its way.
    init(adopting raw: OpaquePointer, onNotice: (@Sendable (PostgresNotice) -> Void)?) {
        self.raw = raw
        notices = NoticeSink(onNotice)
        PQsetNoticeReceiver(raw, receiveNotice, Unmanaged.passUnretained(notices).toOpaque())
    }

    deinit {
        idleWatch?.cancel()
        PQfinish(raw)
    }

    var descriptor: CInt { PQsocket(raw) }

    /// libpq's words for what it failed at last.
    var lastMessage: String { trimmed(String(cString: PQerrorMessage(raw))) }

    var isBroken: Bool { PQstatus(raw) == CONNECTION_BAD }

    /// Whether no transaction is open.
    var isOutsideTransaction: Bool { PQtransactionStatus(raw) == PQTRANS_IDLE }
}

/// Results in the order in which they came; frees those that nobody took.
final class ResultList {
    private var raw: [OpaquePointer] = []

    deinit { for result in raw { PQclear(result) } }

    func append(_ result: OpaquePointer) { raw.append(result) }

    var lastStatus: ExecStatusType? { raw.last.map(PQresultStatus) }

    /// Takes the last one; nil where there is none.
    func takeLast(_ operation: StaticString) -> QueryResult? {
        guard let last = raw.popLast() else { return nil }
        return QueryResult(adopting: last, operation)
    }

    /// The first error among the results.
    func error(_ operation: StaticString) -> PostgresError? {
        guard
            let result = raw.first(where: {
                PQresultStatus($0) == PGRES_FATAL_ERROR || PQresultStatus($0) == PGRES_BAD_RESPONSE
            })
        else { return nil }
        func field(_ code: Character) -> String? {
            PQresultErrorField(result, CInt(code.asciiValue ?? 0)).map { String(cString: $0) }
        }
        let state = field("C")  // PG_DIAG_SQLSTATE and so on, which are macros of character literals
        let isGoodbye = field("V") == "FATAL" || field("V") == "PANIC"
        return PostgresError(
            isGoodbye ? .disconnected : .rejected, operation,
            field("M") ?? trimmed(String(cString: PQresultErrorMessage(result))),
            sqlState: state, detail: field("D"), hint: field("H"), mayHaveRun: isGoodbye)
    }
}

private final class NoticeSink {
    let receive: (@Sendable (PostgresNotice) -> Void)?

    init(_ receive: (@Sendable (PostgresNotice) -> Void)?) { self.receive = receive }
}

private func receiveNotice(_ context: UnsafeMutableRawPointer?, _ result: OpaquePointer?) {
    guard let context, let result else { return }
    func field(_ code: Character) -> String? {
        PQresultErrorField(result, CInt(code.asciiValue ?? 0)).map { String(cString: $0) }
    }
    let notice = PostgresNotice(
        severity: field("V") ?? "", message: field("M") ?? "", sqlState: field("C") ?? "", hint: field("H"),
        isRaised: field("R") == "exec_stmt_raise")
    Unmanaged<NoticeSink>.fromOpaque(context).takeUnretainedValue().receive?(notice)
}
