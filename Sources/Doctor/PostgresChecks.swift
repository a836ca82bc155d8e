package import Analytics

/// Says whether a PostgreSQL is fit for Weir.
package enum PostgresChecks {
    private static let migrate = "weir migrate"

    /// - Parameters:
    ///   - facts: as it says itself.
    ///   - nowMs: ms since 1970.
    /// - Returns: a check for each thing that could be looked at.
    package static func checks(_ facts: PostgresFacts, nowMs: Int64) -> [Check] {
        [server(facts), rights(facts), schema(facts.schema), partitions(facts.history, nowMs: nowMs)].compactMap { $0 }
    }

    private static func server(_ facts: PostgresFacts) -> Check {
        if facts.versionNumber < 140_000 {
            return .fail("postgres", "PostgreSQL \(facts.version) is too old", mend: "upgrade it to 14 or newer")
        }
        if facts.isReadOnly {
            return .fail(
                "postgres",
                "PostgreSQL \(facts.version) takes no writes: it is a standby, or the role or database is read-only",
                mend: "name the primary by WEIR_POSTGRES_URL, or take default_transaction_read_only away")
        }
        if facts.encoding != "UTF8" {
            return .fail(
                "postgres",
                "PostgreSQL \(facts.version) stores text as \(facts.encoding), which does not hold every label",
                mend: "make the database anew: CREATE DATABASE weir ENCODING 'UTF8' TEMPLATE template0")
        }
        return .ok("postgres", "PostgreSQL \(facts.version) answers")
    }

    private static func schema(_ schema: PostgresFacts.Schema) -> Check? {
        switch schema {
        case .hidden: nil
        case .none: .fail("schema", "the database has no tables of Weir", mend: migrate)
        case .current(let migration): .ok("schema", "migration \(migration), the last that this program knows")
        case .behind(let names): .fail("schema", "not applied yet: \(FactText.list(names))", mend: migrate)
        case .refused(let detail):
            .fail("schema", detail, mend: "use the version of Weir that made it, and nothing by hand")
        }
    }

    private static func rights(_ facts: PostgresFacts) -> Check? {
        let (rights, name) = (facts.rights, "rights")
        if facts.schema == .none { return nil }
        guard rights.usesSchema else {
            return .fail(
                name, "\(rights.role) may not look into the schema weir",
                mend:
                    "connect as the role that migrates, or GRANT weir_reader TO \(rights.role), which is enough for reading"
            )
        }
        if !rights.unreadable.isEmpty {
            return .fail(
                name, "\(rights.role) may not read \(FactText.list(rights.unreadable))",
                mend: "connect as the role that migrates, or GRANT weir_reader TO \(rights.role)")
        }
        var lacks: [String] = []
        if !rights.unwritable.isEmpty { lacks.append("write \(FactText.list(rights.unwritable))") }
        if !rights.createsTables { lacks.append("make tables in the schema weir") }
        if !rights.foreign.isEmpty { lacks.append("make or drop partitions of \(FactText.list(rights.foreign))") }
        guard lacks.isEmpty else {
            return .warn(
                name,
                "\(rights.role) may read, which is enough for weir serve, but not \(lacks.joined(separator: ", nor "))",
                mend: "let weir compact and weir migrate connect as the role that owns the tables")
        }
        return .ok(name, "\(rights.role) may read, write and change partitions")
    }

    /// Rows that have no partition yet wait for a lock at the worst moment; the compaction makes three days ahead.
    private static func partitions(_ history: PostgresFacts.History?, nowMs: Int64) -> Check? {
        guard let history, history.compaction != nil else { return nil }
        let name = "partitions"
        let remedy = "run weir compact, which makes them; if it runs, see its log"
        let lacking = HistoryResolution.allCases.filter { history.heldUntilMs[$0] == nil }.map(\.rawValue)
        if !lacking.isEmpty {
            return .fail(
                name, "there is no partition for now of weir.\(lacking.joined(separator: ", weir."))", mend: remedy)
        }
        let ahead = history.heldUntilMs.values.min() ?? nowMs
        if ahead - nowMs < HistoryResolution.day.ms {
            return .warn(name, "partitions end in \(FactText.length(ahead - nowMs))", mend: remedy)
        }
        return .ok(name, "partitions reach \(FactText.length(ahead - nowMs)) ahead")
    }
}
