package import Analytics
package import Postgres

extension StoreError {
    /// What an error of the client means for the processes.
    package init(_ error: PostgresError) {
        let state = error.sqlState.map { " [\($0)]" } ?? ""
        let hint = error.hint.map { " (\($0))" } ?? ""
        let code = Self.code(of: error)
        let advice = code == .incompatible && error.sqlState != nil ? "; weir migrate brings the schema up to date" : ""
        self.init(
            code, store: "postgres", operation: "\(error.operation)",
            detail: error.message + state + hint + advice, mayHaveRun: error.mayHaveRun)
    }

    private static func code(of error: PostgresError) -> Code {
        switch error.code {
        case .timedOut: return .timedOut
        case .disconnected, .overloaded, .cancelled: return .unavailable
        case .wrongType: return .incompatible
        case .badConfiguration: return .rejected
        case .rejected: break
        }
        guard let state = error.sqlState else { return .rejected }
        switch state {
        // Disk, memory; a server that ends, starts, follows another, or has no connection left; a deadlock: all may pass.
        case "53100", "53200": return .full
        case "57P01", "57P02", "57P03", "25006", "53300", "40001", "40P01": return .unavailable
        // No such schema, table, column or function: the database is not migrated, or not ours.
        case "3F000", "42P01", "42703", "42883": return .incompatible
        default: return state.hasPrefix("08") ? .unavailable : .rejected
        }
    }
}

/// Runs `body` with the client's errors as the processes know them.
func mapping<Success>(_ body: () async throws -> Success) async throws(StoreError) -> Success {
    do {
        return try await body()
    } catch let error as StoreError {
        throw error
    } catch let error as PostgresError {
        throw StoreError(error)
    } catch {
        throw StoreError(.unavailable, store: "postgres", operation: "task", detail: "\(error)")
    }
}
