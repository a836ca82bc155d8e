import Analytics
import Postgres
import PostgresStore
import Reactor
import TestKit
import Testing

@Suite("The role weir_reader", .tags(.integration), .needs(.postgres), .timeLimit(.minutes(1)))
struct ReaderRoleTests {
    private func migrate(_ server: PostgresServer, as role: String, database: String) async throws {
        let loop = try EventLoop.start(name: "reader-test")
        defer { loop.stop() }
        let configuration = try PostgresConfiguration("postgres://\(role)@127.0.0.1:\(server.port)/\(database)")
        _ = try await loop.run { try await MigrationRunner(configuration, loop: loop).run() }
    }

    @Test func readsEverythingAndWritesNothing() async throws {
        let fixture = try await DatabaseFixture(isMigrated: true)
        _ = try await fixture.sql(
            """
            SELECT weir.add_partition('minute', '2026-11-23');
            INSERT INTO weir.series (metric, labels) VALUES ('m', '{}');
            INSERT INTO weir.minute (bucket, generation, version, n, hits, series_id, partition)
            SELECT '2026-11-23 10:00Z', 1, 1, 2, 1, series_id, 0 FROM weir.series
            """)
        let relations = try await fixture.sql(
            "SELECT format('weir.%I', relname) FROM pg_class WHERE relnamespace = 'weir'::regnamespace AND relkind IN ('r', 'p', 'v')"
        )
        let names = relations.split(separator: "\n").map(String.init)
        #expect(names.contains("weir.distribution_day") && names.contains("weir.minute_2026_11_23"))
        let reads = names.map { "SELECT count(*) >= 0 FROM \($0)" }.joined(separator: "; ")
        let answers = try await fixture.sql("SET ROLE weir_reader; \(reads)")
        #expect(answers.split(separator: "\n").allSatisfy { $0 == "t" })
        #expect(try await fixture.sql("SET ROLE weir_reader; SELECT ratio FROM weir.ratio_minute") == "0.5")
        let functions = try await fixture.sql(
            """
            SET ROLE weir_reader;
            SELECT weir.quantile('\\x01', 0.5) IS NULL, (SELECT weir.merge(sketch) IS NULL FROM weir.minute),
                (SELECT weir.cardinality(weir.merge_hll(hll)) IS NULL FROM weir.minute), weir.merge_items('{"{}"}')
            """)
        #expect(functions == "t|t|t|{}")
        for write in [
            "INSERT INTO weir.series (metric, labels) VALUES ('n', '{}')", "UPDATE weir.minute SET n = 1",
            "DELETE FROM weir.minute", "TRUNCATE weir.minute", "CREATE TABLE weir.mine ()",
            "SELECT weir.add_partition('minute', '2026-11-24')", "DROP VIEW weir.ratio_minute",
        ] {
            do {
                _ = try await fixture.sql("SET ROLE weir_reader; \(write)")
                Issue.record("\(write) was allowed")
            } catch let error as TestKitError {
                #expect("\(error)".contains("permission denied") || "\(error)".contains("must be owner"), "\(error)")
            }
        }
    }

    @Test func whoMayMakeNoRolesMigratesWithoutIt() async throws {
        let server = try await PostgresServer.start()
        let database = try await server.createDatabase()
        _ = try await server.query("CREATE ROLE plain LOGIN; GRANT CREATE ON DATABASE \(database) TO plain")
        try await migrate(server, as: "plain", database: database)
        #expect(try await server.query("SELECT to_regrole('weir_reader') IS NULL") == "t")
        let views = try await server.query("SELECT count(*) FROM weir.top_day", database: database)
        #expect(views == "0")
        // Who migrates is told, and of nothing else.
        let other = try await server.createDatabase()
        _ = try await server.query("GRANT CREATE ON DATABASE \(other) TO plain")
        let migrated = try await WeirProcess.run(
            ["migrate", "--postgres-url", "postgres://plain@127.0.0.1:\(server.port)/\(other)", "--log-format", "json"])
        #expect(migrated.exit == .status(0))
        #expect(migrated.output.contains("applied 0008_create_reader"))
        #expect(migrated.errors.count == 1, "\(migrated.errors)")
        for words in ["notice", "there is no weir_reader", "sql/README.md says"] {
            #expect(migrated.errors.first?.contains(words) == true, "\(migrated.errors)")
        }
        try await server.stop()
    }

    @Test func whoOwnsTheSchemaLetsAReaderRead() async throws {
        let fixture = try await DatabaseFixture(isMigrated: false)
        // Of the whole server; other tests may have made it.
        _ = try await DatabaseFixture(isMigrated: true)
        let role = "owner_\(fixture.database)"
        _ = try await fixture.sql("CREATE ROLE \(role) LOGIN; CREATE SCHEMA weir AUTHORIZATION \(role)")
        try await migrate(fixture.server, as: role, database: fixture.database)
        #expect(try await fixture.sql("SET ROLE weir_reader; SELECT count(*) FROM weir.unique_hour") == "0")
    }
}
