internal import Analytics
internal import Assets
internal import Postgres

/// A statement of `sql/queries/`, read once.
struct Statement: Sendable {
    let text: String

    /// - Parameter name: of its file, without the ending.
    init(_ name: String) {
        guard let asset = Asset.named("sql/queries/\(name).sql") else {
            preconditionFailure("sql/queries/\(name).sql is built in")
        }
        text = asset.text
    }
}

/// Numbers of the advisory locks, all of one class of our own.
enum AdvisoryLock {
    /// "weir" in ASCII.
    private static let space = 0x7765_6972
    /// Held by whoever migrates.
    static let migration = space << 8 | 1
    /// Held by a pass of the compaction.
    static let compaction = space << 8 | 2
}

extension StoreError {
    init(_ error: PostgresError) {
        let code: Code =
            switch error.code {
            case .timedOut: .timedOut
            case .disconnected, .overloaded, .cancelled: .unavailable
            case .wrongType: .incompatible
            case .badConfiguration: .rejected
            case .rejected:
                switch error.sqlState?.prefix(2) {
                case "53": error.sqlState == "53100" ? .full : .unavailable
                case "57", "08", "40": .unavailable
                case "42", "3F": .incompatible
                default: .rejected
                }
            }
        var detail = error.message
        if code == .incompatible { detail += " (weir migrate brings the database up to date)" }
        self.init(
            code, store: "postgres", operation: error.operation.description, detail: detail,
            mayHaveRun: error.mayHaveRun)
    }

    /// The form of any error that comes out of a transaction.
    init(postgres error: any Error) {
        if let error = error as? StoreError {
            self = error
        } else if let error = error as? PostgresError {
            self.init(error)
        } else {
            self.init(.rejected, store: "postgres", operation: "transaction", detail: "\(error)")
        }
    }
}
