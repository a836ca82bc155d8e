internal import Analytics

/// A file of `sql/migrations/`, `NNNN_verb_object.sql`.
package struct Migration: Sendable, Equatable {
    package let number: Int
    /// The file's name without `.sql`.
    package let name: String
    package let script: String

    /// Nil where the name does not begin with a number from 1 on.
    package init?(fileName: some StringProtocol, script: String) {
        let name = fileName.hasSuffix(".sql") ? fileName.dropLast(4) : fileName[...]
        guard let number = Int(name.prefix { $0.isNumber }), number > 0 else { return nil }
        self.number = number
        self.name = String(name)
        self.script = script
    }
}

/// Decides what is to be applied to a database; a value without I/O.
enum MigrationPlan {
    /// A migration that the database says it has.
    struct Applied: Equatable {
        let number: Int
        let name: String
        let digest: [UInt8]
    }

    /// The migrations that are missing, in order.
    ///
    /// - Throws: `.incompatible` where the files have a gap, or the database holds what they do not: a migration newer than
    ///   the last, or one that was changed since, or has one missing in between.
    static func missing(
        _ migrations: [Migration], digests: [[UInt8]], applied: [Applied]
    ) throws(StoreError) -> ArraySlice<Migration> {
        precondition(migrations.count == digests.count, "each migration has a digest")
        for (index, migration) in migrations.enumerated() where migration.number != index + 1 {
            throw refused("the files go from number \(index) to \(migration.name): numbers must have no gap")
        }
        for (index, applied) in applied.enumerated() {
            guard applied.number == index + 1 else {
                throw refused("the database has \(applied.name) without number \(index + 1), which stands before it")
            }
            guard index < migrations.count else {
                throw refused(
                    "the database has \(applied.name), which this version of Weir does not know: it is newer; "
                        + "use the newer Weir")
            }
            guard applied.digest == digests[index] else {
                throw refused(
                    "\(migrations[index].name) was changed after it was applied (as \(applied.name)); undo the change and "
                        + "write a new migration")
            }
        }
        return migrations[applied.count...]
    }

    private static func refused(_ detail: String) -> StoreError {
        StoreError(.incompatible, store: "postgres", operation: "migrate", detail: detail)
    }
}
