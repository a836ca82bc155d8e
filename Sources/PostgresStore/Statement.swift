internal import Assets

/// The statements under `sql/queries/`, by the names of their files.
enum Statement {
    static let series = text("history.series")
    static let minuteRows = text("history.minute_rows")
    static let hourRows = text("history.hour_rows")
    static let dayRows = text("history.day_rows")
    static let historyHeld = text("history.held")
    static let historyKind = text("history.kind")
    static let historyExtent = text("history.extent")
    static let metrics = text("history.metrics")
    static let lastCompaction = text("history.last_compaction")
    static let historyStatus = text("history.status")
    static let auditCount = text("history.audit_count")
    static let auditHours = text("history.audit_hours")

    static let partitionCursor = text("writer.partition_cursor")
    static let moveCursor = text("writer.move_cursor")
    static let seriesIDs = text("writer.series_ids")
    static let addSeries = text("writer.add_series")
    static let addPartitions = text("writer.add_partitions")
    static let copyMinute = text("writer.copy_minute")
    static let createStage = text("writer.create_stage")
    static let copyStage = text("writer.copy_stage")
    static let mergeStage = text("writer.merge_stage")
    static let recordPass = text("writer.record_pass")

    static let firstMinute = text("rollup.first_minute")
    static let nextSeries = text("rollup.series")
    static let minutesToRollUp = text("rollup.minutes")
    static let hoursToRollUp = text("rollup.hours")
    static let createRollUpStages = text("rollup.create_stages")
    static let copyHours = text("rollup.copy_hour")
    static let copyDays = text("rollup.copy_day")
    static let mergeHours = text("rollup.merge_hour")
    static let mergeDays = text("rollup.merge_day")
    static let moveRollUp = text("rollup.move")

    static let labelRollUps = text("history.label_rollups")
    static let missingLabels = text("labels.missing")
    static let hoursOfLabels = text("labels.hours")
    static let hasHours = text("labels.has_hours")
    static let recordLabels = text("labels.record")
    static let labelsDone = text("labels.done")
    static let forgetLabels = text("labels.forget")
    static let dropLabels = text("labels.drop")

    static let rolledUpPartitions = text("rollup.partitions")
    static let clearHours = text("rollup.clear_hour")
    static let clearDays = text("rollup.clear_day")
    static let rollUpPart = text("rollup.part")
    static let retentionRolledUp = text("retention.rolled_up")
    static let retentionState = text("retention.state")
    static let recordRetention = text("retention.record")
    static let retentionPartitions = text("retention.partitions")
    static let keepCount = text("retention.keep_count")
    static let decideDrop = text("retention.decide")
    static let decidedDrops = text("retention.decided")
    static let forgetDrop = text("retention.forget")

    static let nextRewrite = text("rewrite.next")
    static let rewriteGrants = text("rewrite.grants")
    static let recordRewrite = text("rewrite.record")
    static let recordRewriteProblem = text("rewrite.record_problem")

    static let boards = text("board.list")
    static let board = text("board.get")
    static let createBoard = text("board.create")
    static let replaceBoard = text("board.replace")
    static let deleteBoard = text("board.delete")

    static let createMigrationRecord = text("migration.create_record")
    static let appliedMigrations = text("migration.applied")
    static let recordMigration = text("migration.record")
    static let installedFunctions = text("migration.installed_functions")
    static let recordFunction = text("migration.record_function")
    static let digests = text("migration.digests")

    static let doctorServer = text("doctor.server")
    static let doctorRights = text("doctor.rights")
    static let doctorPartitions = text("doctor.partitions")
    static let doctorCursors = text("doctor.cursors")

    private static func text(_ name: String) -> String {
        guard let asset = Asset.named("sql/queries/\(name).sql") else {
            preconditionFailure("sql/queries/\(name).sql is built in (Sources/CAssets/generate.sh)")
        }
        return asset.text
    }
}
