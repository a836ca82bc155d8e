import Analytics
import Postgres
import PostgresStore
import Reactor
import TestKit
import Testing

@Suite("Migrations", .timeLimit(.minutes(1)))
struct MigrationTests {
    private let first = Migration(fileName: "0001_create_a.sql", script: "CREATE TABLE weir.a (id int)")
    private let second = Migration(
        fileName: "0002_create_b.sql", script: "CREATE TABLE weir.b (id int); INSERT INTO weir.a VALUES (1)")

    private func run(
        _ fixture: DatabaseFixture, _ migrations: [Migration?], functions: [MigrationRunner.FunctionFile] = []
    ) async throws -> MigrationRunner.Report {
        let migrations = migrations.compactMap(\.self)
        let runner = MigrationRunner(
            try fixture.configuration, loop: fixture.loop, migrations: migrations, functions: functions)
        return try await fixture.loop.run { try await runner.run() }
    }

    private func builtIn(_ fixture: DatabaseFixture) async throws -> MigrationRunner.Report {
        let runner = MigrationRunner(try fixture.configuration, loop: fixture.loop)
        return try await fixture.loop.run { try await runner.run() }
    }

    private func failure(_ body: () async throws -> Void) async throws -> StoreError {
        do { try await body() } catch let error as StoreError { return error }
        throw TestKitError("nothing was thrown")
    }

    @Test func theBuiltInOnesMakeTheSchemaOnceAndThenDoNothing() async throws {
        let fixture = try await DatabaseFixture(isMigrated: false)
        let runner = MigrationRunner(try fixture.configuration, loop: fixture.loop)
        let (first, second, missing) = try await fixture.loop.run {
            let before = try await runner.missing()
            return (try await runner.run(), try await runner.run(), (before, try await runner.missing()))
        }
        #expect(first.applied == MigrationRunner.builtInMigrations.map(\.name))
        #expect(first.installed == MigrationRunner.builtInFunctions.map(\.name))
        #expect(first.version == MigrationRunner.builtInMigrations.count)
        #expect(second.applied.isEmpty && second.installed.isEmpty && second.version == first.version)
        #expect(missing == (MigrationRunner.builtInMigrations.count, 0))
        let recorded = try await fixture.sql("SELECT count(*), bool_and(length(sha256) = 32) FROM weir.migration")
        #expect(recorded == "\(first.version)|t")
    }

    @Test func eachOlderVersionComesUpToTheNewest() async throws {
        let all = MigrationRunner.builtInMigrations
        for version in 1..<all.count {
            let fixture = try await DatabaseFixture(isMigrated: false)
            _ = try await run(fixture, Array(all[..<version]))
            let report = try await builtIn(fixture)
            #expect(report.applied == all[version...].map(\.name))
        }
    }

    @Test func runnersAtOnceApplyEachOnce() async throws {
        let fixture = try await DatabaseFixture(isMigrated: false)
        let reports = try await withThrowingTaskGroup(of: MigrationRunner.Report.self) { group in
            for _ in 0..<4 { group.addTask { try await builtIn(fixture) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(reports.flatMap(\.applied).sorted() == MigrationRunner.builtInMigrations.map(\.name))
        #expect(reports.flatMap(\.installed).sorted() == MigrationRunner.builtInFunctions.map(\.name))
        #expect(reports.allSatisfy { $0.version == MigrationRunner.builtInMigrations.count })
    }

    @Test func aChangedFileIsRefusedAndNamed() async throws {
        let fixture = try await DatabaseFixture(isMigrated: false)
        _ = try await run(fixture, [first])
        let changed = Migration(fileName: "0001_create_a.sql", script: "CREATE TABLE weir.a (id bigint)")
        let error = try await failure { _ = try await run(fixture, [changed, second]) }
        #expect(error.code == .incompatible && error.detail.contains("0001_create_a was changed"))
        #expect(try await fixture.sql("SELECT to_regclass('weir.b') IS NULL") == "t")
    }

    @Test func aNewerDatabaseIsRefused() async throws {
        let fixture = try await DatabaseFixture(isMigrated: false)
        _ = try await run(fixture, [first, second])
        let error = try await failure { _ = try await run(fixture, [first]) }
        #expect(error.code == .incompatible && error.detail.contains("0002_create_b") && error.detail.contains("newer"))
    }

    @Test func aGapIsRefusedInFilesAndInTheRecord() async throws {
        let fixture = try await DatabaseFixture(isMigrated: false)
        let third = Migration(fileName: "0003_create_c.sql", script: "CREATE TABLE weir.c (id int)")
        let inFiles = try await failure { _ = try await run(fixture, [first, third]) }
        #expect(inFiles.code == .incompatible && inFiles.detail.contains("0003_create_c"))
        _ = try await run(fixture, [first, second])
        _ = try await fixture.sql("DELETE FROM weir.migration WHERE number = 1")
        let inRecord = try await failure { _ = try await run(fixture, [first, second]) }
        #expect(inRecord.code == .incompatible && inRecord.detail.contains("without number 1"))
    }

    @Test func aFailingOneLeavesNothingOfItselfAndAllBeforeIt() async throws {
        let fixture = try await DatabaseFixture(isMigrated: false)
        let broken = Migration(fileName: "0002_break.sql", script: "CREATE TABLE weir.half (id int); SELECT 1 / 0")
        let error = try await failure { _ = try await run(fixture, [first, broken]) }
        #expect(error.code == .rejected && error.detail.contains("0002_break") && error.detail.contains("zero"))
        #expect(try await fixture.sql("SELECT to_regclass('weir.half') IS NULL, count(*) FROM weir.migration") == "t|1")
        #expect(try await run(fixture, [first, second]).applied == ["0002_create_b"])
    }

    @Test func aChangedFunctionIsInstalledAgain() async throws {
        let fixture = try await DatabaseFixture(isMigrated: false)
        func file(_ number: Int) -> MigrationRunner.FunctionFile {
            .init(
                name: "weir.f.sql",
                script: "CREATE OR REPLACE FUNCTION weir.f() RETURNS int LANGUAGE sql RETURN \(number)")
        }
        #expect(try await run(fixture, [], functions: [file(1)]).installed == ["weir.f.sql"])
        #expect(try await run(fixture, [], functions: [file(1)]).installed.isEmpty)
        #expect(try await run(fixture, [], functions: [file(2)]).installed == ["weir.f.sql"])
        #expect(try await fixture.sql("SELECT weir.f()") == "2")
    }

    @Test func aRoleThatMayOnlyUseOurSchemaIsEnough() async throws {
        let fixture = try await DatabaseFixture(isMigrated: false)
        let role = "limited_\(fixture.database)"
        _ = try await fixture.sql(
            "CREATE ROLE \(role) LOGIN; CREATE SCHEMA weir; GRANT USAGE, CREATE ON SCHEMA weir TO \(role)")
        let url = "postgres://\(role)@127.0.0.1:\(fixture.server.port)/\(fixture.database)"
        let made = try await fixture.loop.run { [loop = fixture.loop] in
            let configuration = try PostgresConfiguration(url)
            _ = try await MigrationRunner(configuration, loop: loop).run()
            let pool = PostgresPool(PostgresPoolConfiguration(configuration), loop: loop)
            let made = try await pool.query("SELECT weir.add_partition('minute', '2026-11-23')").bool(0, 0)
            await pool.close()
            return made
        }
        #expect(made)
    }
}
