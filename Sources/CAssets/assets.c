// Written by generate.sh: the files that are built into the executable. SwiftPM rebuilds this when one changes.
#include "assets.h"

// clang-format off
static const unsigned char asset_0[] = {
#embed "../../Sources/Dashboard/Assets/app.css"
};
static const unsigned char asset_1[] = {
#embed "../../Sources/Dashboard/Assets/app.js"
};
static const unsigned char asset_2[] = {
#embed "../../Sources/Dashboard/Assets/boards.js"
};
static const unsigned char asset_3[] = {
#embed "../../Sources/Dashboard/Assets/chart.js"
};
static const unsigned char asset_4[] = {
#embed "../../Sources/Dashboard/Assets/dom.js"
};
static const unsigned char asset_5[] = {
#embed "../../Sources/Dashboard/Assets/format.js"
};
static const unsigned char asset_6[] = {
#embed "../../Sources/Dashboard/Assets/frame.js"
};
static const unsigned char asset_7[] = {
#embed "../../Sources/Dashboard/Assets/health.js"
};
static const unsigned char asset_8[] = {
#embed "../../Sources/Dashboard/Assets/icon.svg"
};
static const unsigned char asset_9[] = {
#embed "../../Sources/Dashboard/Assets/index.html"
};
static const unsigned char asset_10[] = {
#embed "../../Sources/Dashboard/Assets/keys.js"
};
static const unsigned char asset_11[] = {
#embed "../../Sources/Dashboard/Assets/metric.js"
};
static const unsigned char asset_12[] = {
#embed "../../Sources/Dashboard/Assets/ops.js"
};
static const unsigned char asset_13[] = {
#embed "../../Sources/Dashboard/Assets/overview.js"
};
static const unsigned char asset_14[] = {
#embed "../../Sources/Dashboard/Assets/page.js"
};
static const unsigned char asset_15[] = {
#embed "../../Sources/Dashboard/Assets/panel.js"
};
static const unsigned char asset_16[] = {
#embed "../../Sources/Dashboard/Assets/ranges.js"
};
static const unsigned char asset_17[] = {
#embed "../../Sources/Dashboard/Assets/reading.js"
};
static const unsigned char asset_18[] = {
#embed "../../Sources/Dashboard/Assets/series.js"
};
static const unsigned char asset_19[] = {
#embed "../../Sources/Dashboard/Assets/session.js"
};
static const unsigned char asset_20[] = {
#embed "../../Sources/Dashboard/Assets/theme.js"
};
static const unsigned char asset_21[] = {
#embed "../../Sources/Dashboard/Assets/timebar.js"
};
static const unsigned char asset_22[] = {
#embed "../../Sources/Dashboard/Assets/top.js"
};
static const unsigned char asset_23[] = {
#embed "../../Sources/Dashboard/Assets/view.js"
};
static const unsigned char asset_24[] = {
#embed "../../Sources/Dashboard/Assets/weir.js"
};
static const unsigned char asset_25[] = {
#embed "../../Sources/Dashboard/Assets/widgets.js"
};
static const unsigned char asset_26[] = {
#embed "../../openapi.yaml"
};
static const unsigned char asset_27[] = {
#embed "../../redis-scripts/weir.lua"
};
static const unsigned char asset_28[] = {
#embed "../../redis-scripts/weir/00-header.lua"
};
static const unsigned char asset_29[] = {
#embed "../../redis-scripts/weir/10-arguments.lua"
};
static const unsigned char asset_30[] = {
#embed "../../redis-scripts/weir/20-state.lua"
};
static const unsigned char asset_31[] = {
#embed "../../redis-scripts/weir/30-append.lua"
};
static const unsigned char asset_32[] = {
#embed "../../redis-scripts/weir/40-define.lua"
};
static const unsigned char asset_33[] = {
#embed "../../redis-scripts/weir/45-sets.lua"
};
static const unsigned char asset_34[] = {
#embed "../../redis-scripts/weir/50-apply.lua"
};
static const unsigned char asset_35[] = {
#embed "../../redis-scripts/weir/55-lease.lua"
};
static const unsigned char asset_36[] = {
#embed "../../redis-scripts/weir/56-partitions.lua"
};
static const unsigned char asset_37[] = {
#embed "../../redis-scripts/weir/57-open.lua"
};
static const unsigned char asset_38[] = {
#embed "../../redis-scripts/weir/58-refused.lua"
};
static const unsigned char asset_39[] = {
#embed "../../redis-scripts/weir/60-read.lua"
};
static const unsigned char asset_40[] = {
#embed "../../redis-scripts/weir/65-books.lua"
};
static const unsigned char asset_41[] = {
#embed "../../redis-scripts/weir/70-compact.lua"
};
static const unsigned char asset_42[] = {
#embed "../../redis-scripts/weir/99-register.lua"
};
static const unsigned char asset_43[] = {
#embed "../../sql/functions/weir.add_partition.sql"
};
static const unsigned char asset_44[] = {
#embed "../../sql/functions/weir.cardinality.sql"
};
static const unsigned char asset_45[] = {
#embed "../../sql/functions/weir.merge.sql"
};
static const unsigned char asset_46[] = {
#embed "../../sql/functions/weir.merge_hll.sql"
};
static const unsigned char asset_47[] = {
#embed "../../sql/functions/weir.merge_items.sql"
};
static const unsigned char asset_48[] = {
#embed "../../sql/functions/weir.quantile.sql"
};
static const unsigned char asset_49[] = {
#embed "../../sql/functions/weir.sketch_bins.sql"
};
static const unsigned char asset_50[] = {
#embed "../../sql/functions/weir.views.sql"
};
static const unsigned char asset_51[] = {
#embed "../../sql/migrations/0001_create_series.sql"
};
static const unsigned char asset_52[] = {
#embed "../../sql/migrations/0002_create_minute.sql"
};
static const unsigned char asset_53[] = {
#embed "../../sql/migrations/0003_create_compaction.sql"
};
static const unsigned char asset_54[] = {
#embed "../../sql/migrations/0004_create_minute_view.sql"
};
static const unsigned char asset_55[] = {
#embed "../../sql/migrations/0005_add_minute_sets.sql"
};
static const unsigned char asset_56[] = {
#embed "../../sql/migrations/0006_create_hour_day.sql"
};
static const unsigned char asset_57[] = {
#embed "../../sql/migrations/0007_create_retention.sql"
};
static const unsigned char asset_58[] = {
#embed "../../sql/migrations/0008_create_reader.sql"
};
static const unsigned char asset_59[] = {
#embed "../../sql/migrations/0009_create_rewritten_partition.sql"
};
static const unsigned char asset_60[] = {
#embed "../../sql/migrations/0010_create_label_rollup.sql"
};
static const unsigned char asset_61[] = {
#embed "../../sql/migrations/0011_create_board.sql"
};
static const unsigned char asset_62[] = {
#embed "../../sql/queries/board.create.sql"
};
static const unsigned char asset_63[] = {
#embed "../../sql/queries/board.delete.sql"
};
static const unsigned char asset_64[] = {
#embed "../../sql/queries/board.get.sql"
};
static const unsigned char asset_65[] = {
#embed "../../sql/queries/board.list.sql"
};
static const unsigned char asset_66[] = {
#embed "../../sql/queries/board.replace.sql"
};
static const unsigned char asset_67[] = {
#embed "../../sql/queries/doctor.cursors.sql"
};
static const unsigned char asset_68[] = {
#embed "../../sql/queries/doctor.partitions.sql"
};
static const unsigned char asset_69[] = {
#embed "../../sql/queries/doctor.rights.sql"
};
static const unsigned char asset_70[] = {
#embed "../../sql/queries/doctor.server.sql"
};
static const unsigned char asset_71[] = {
#embed "../../sql/queries/history.audit_count.sql"
};
static const unsigned char asset_72[] = {
#embed "../../sql/queries/history.audit_hours.sql"
};
static const unsigned char asset_73[] = {
#embed "../../sql/queries/history.day_rows.sql"
};
static const unsigned char asset_74[] = {
#embed "../../sql/queries/history.extent.sql"
};
static const unsigned char asset_75[] = {
#embed "../../sql/queries/history.held.sql"
};
static const unsigned char asset_76[] = {
#embed "../../sql/queries/history.hour_rows.sql"
};
static const unsigned char asset_77[] = {
#embed "../../sql/queries/history.kind.sql"
};
static const unsigned char asset_78[] = {
#embed "../../sql/queries/history.label_rollups.sql"
};
static const unsigned char asset_79[] = {
#embed "../../sql/queries/history.last_compaction.sql"
};
static const unsigned char asset_80[] = {
#embed "../../sql/queries/history.metrics.sql"
};
static const unsigned char asset_81[] = {
#embed "../../sql/queries/history.minute_rows.sql"
};
static const unsigned char asset_82[] = {
#embed "../../sql/queries/history.series.sql"
};
static const unsigned char asset_83[] = {
#embed "../../sql/queries/history.status.sql"
};
static const unsigned char asset_84[] = {
#embed "../../sql/queries/labels.done.sql"
};
static const unsigned char asset_85[] = {
#embed "../../sql/queries/labels.drop.sql"
};
static const unsigned char asset_86[] = {
#embed "../../sql/queries/labels.forget.sql"
};
static const unsigned char asset_87[] = {
#embed "../../sql/queries/labels.has_hours.sql"
};
static const unsigned char asset_88[] = {
#embed "../../sql/queries/labels.hours.sql"
};
static const unsigned char asset_89[] = {
#embed "../../sql/queries/labels.missing.sql"
};
static const unsigned char asset_90[] = {
#embed "../../sql/queries/labels.record.sql"
};
static const unsigned char asset_91[] = {
#embed "../../sql/queries/migration.applied.sql"
};
static const unsigned char asset_92[] = {
#embed "../../sql/queries/migration.create_record.sql"
};
static const unsigned char asset_93[] = {
#embed "../../sql/queries/migration.digests.sql"
};
static const unsigned char asset_94[] = {
#embed "../../sql/queries/migration.installed_functions.sql"
};
static const unsigned char asset_95[] = {
#embed "../../sql/queries/migration.record.sql"
};
static const unsigned char asset_96[] = {
#embed "../../sql/queries/migration.record_function.sql"
};
static const unsigned char asset_97[] = {
#embed "../../sql/queries/retention.decide.sql"
};
static const unsigned char asset_98[] = {
#embed "../../sql/queries/retention.decided.sql"
};
static const unsigned char asset_99[] = {
#embed "../../sql/queries/retention.forget.sql"
};
static const unsigned char asset_100[] = {
#embed "../../sql/queries/retention.keep_count.sql"
};
static const unsigned char asset_101[] = {
#embed "../../sql/queries/retention.partitions.sql"
};
static const unsigned char asset_102[] = {
#embed "../../sql/queries/retention.record.sql"
};
static const unsigned char asset_103[] = {
#embed "../../sql/queries/retention.rolled_up.sql"
};
static const unsigned char asset_104[] = {
#embed "../../sql/queries/retention.state.sql"
};
static const unsigned char asset_105[] = {
#embed "../../sql/queries/rewrite.grants.sql"
};
static const unsigned char asset_106[] = {
#embed "../../sql/queries/rewrite.next.sql"
};
static const unsigned char asset_107[] = {
#embed "../../sql/queries/rewrite.record.sql"
};
static const unsigned char asset_108[] = {
#embed "../../sql/queries/rewrite.record_problem.sql"
};
static const unsigned char asset_109[] = {
#embed "../../sql/queries/rollup.clear_day.sql"
};
static const unsigned char asset_110[] = {
#embed "../../sql/queries/rollup.clear_hour.sql"
};
static const unsigned char asset_111[] = {
#embed "../../sql/queries/rollup.copy_day.sql"
};
static const unsigned char asset_112[] = {
#embed "../../sql/queries/rollup.copy_hour.sql"
};
static const unsigned char asset_113[] = {
#embed "../../sql/queries/rollup.create_stages.sql"
};
static const unsigned char asset_114[] = {
#embed "../../sql/queries/rollup.first_minute.sql"
};
static const unsigned char asset_115[] = {
#embed "../../sql/queries/rollup.hours.sql"
};
static const unsigned char asset_116[] = {
#embed "../../sql/queries/rollup.merge_day.sql"
};
static const unsigned char asset_117[] = {
#embed "../../sql/queries/rollup.merge_hour.sql"
};
static const unsigned char asset_118[] = {
#embed "../../sql/queries/rollup.minutes.sql"
};
static const unsigned char asset_119[] = {
#embed "../../sql/queries/rollup.move.sql"
};
static const unsigned char asset_120[] = {
#embed "../../sql/queries/rollup.part.sql"
};
static const unsigned char asset_121[] = {
#embed "../../sql/queries/rollup.partitions.sql"
};
static const unsigned char asset_122[] = {
#embed "../../sql/queries/rollup.series.sql"
};
static const unsigned char asset_123[] = {
#embed "../../sql/queries/writer.add_partitions.sql"
};
static const unsigned char asset_124[] = {
#embed "../../sql/queries/writer.add_series.sql"
};
static const unsigned char asset_125[] = {
#embed "../../sql/queries/writer.copy_minute.sql"
};
static const unsigned char asset_126[] = {
#embed "../../sql/queries/writer.copy_stage.sql"
};
static const unsigned char asset_127[] = {
#embed "../../sql/queries/writer.create_stage.sql"
};
static const unsigned char asset_128[] = {
#embed "../../sql/queries/writer.merge_stage.sql"
};
static const unsigned char asset_129[] = {
#embed "../../sql/queries/writer.move_cursor.sql"
};
static const unsigned char asset_130[] = {
#embed "../../sql/queries/writer.partition_cursor.sql"
};
static const unsigned char asset_131[] = {
#embed "../../sql/queries/writer.record_pass.sql"
};
static const unsigned char asset_132[] = {
#embed "../../sql/queries/writer.series_ids.sql"
};

const struct weir_asset weir_assets[] = {
    {"Sources/Dashboard/Assets/app.css", asset_0, sizeof asset_0},
    {"Sources/Dashboard/Assets/app.js", asset_1, sizeof asset_1},
    {"Sources/Dashboard/Assets/boards.js", asset_2, sizeof asset_2},
    {"Sources/Dashboard/Assets/chart.js", asset_3, sizeof asset_3},
    {"Sources/Dashboard/Assets/dom.js", asset_4, sizeof asset_4},
    {"Sources/Dashboard/Assets/format.js", asset_5, sizeof asset_5},
    {"Sources/Dashboard/Assets/frame.js", asset_6, sizeof asset_6},
    {"Sources/Dashboard/Assets/health.js", asset_7, sizeof asset_7},
    {"Sources/Dashboard/Assets/icon.svg", asset_8, sizeof asset_8},
    {"Sources/Dashboard/Assets/index.html", asset_9, sizeof asset_9},
    {"Sources/Dashboard/Assets/keys.js", asset_10, sizeof asset_10},
    {"Sources/Dashboard/Assets/metric.js", asset_11, sizeof asset_11},
    {"Sources/Dashboard/Assets/ops.js", asset_12, sizeof asset_12},
    {"Sources/Dashboard/Assets/overview.js", asset_13, sizeof asset_13},
    {"Sources/Dashboard/Assets/page.js", asset_14, sizeof asset_14},
    {"Sources/Dashboard/Assets/panel.js", asset_15, sizeof asset_15},
    {"Sources/Dashboard/Assets/ranges.js", asset_16, sizeof asset_16},
    {"Sources/Dashboard/Assets/reading.js", asset_17, sizeof asset_17},
    {"Sources/Dashboard/Assets/series.js", asset_18, sizeof asset_18},
    {"Sources/Dashboard/Assets/session.js", asset_19, sizeof asset_19},
    {"Sources/Dashboard/Assets/theme.js", asset_20, sizeof asset_20},
    {"Sources/Dashboard/Assets/timebar.js", asset_21, sizeof asset_21},
    {"Sources/Dashboard/Assets/top.js", asset_22, sizeof asset_22},
    {"Sources/Dashboard/Assets/view.js", asset_23, sizeof asset_23},
    {"Sources/Dashboard/Assets/weir.js", asset_24, sizeof asset_24},
    {"Sources/Dashboard/Assets/widgets.js", asset_25, sizeof asset_25},
    {"openapi.yaml", asset_26, sizeof asset_26},
    {"redis-scripts/weir.lua", asset_27, sizeof asset_27},
    {"redis-scripts/weir/00-header.lua", asset_28, sizeof asset_28},
    {"redis-scripts/weir/10-arguments.lua", asset_29, sizeof asset_29},
    {"redis-scripts/weir/20-state.lua", asset_30, sizeof asset_30},
    {"redis-scripts/weir/30-append.lua", asset_31, sizeof asset_31},
    {"redis-scripts/weir/40-define.lua", asset_32, sizeof asset_32},
    {"redis-scripts/weir/45-sets.lua", asset_33, sizeof asset_33},
    {"redis-scripts/weir/50-apply.lua", asset_34, sizeof asset_34},
    {"redis-scripts/weir/55-lease.lua", asset_35, sizeof asset_35},
    {"redis-scripts/weir/56-partitions.lua", asset_36, sizeof asset_36},
    {"redis-scripts/weir/57-open.lua", asset_37, sizeof asset_37},
    {"redis-scripts/weir/58-refused.lua", asset_38, sizeof asset_38},
    {"redis-scripts/weir/60-read.lua", asset_39, sizeof asset_39},
    {"redis-scripts/weir/65-books.lua", asset_40, sizeof asset_40},
    {"redis-scripts/weir/70-compact.lua", asset_41, sizeof asset_41},
    {"redis-scripts/weir/99-register.lua", asset_42, sizeof asset_42},
    {"sql/functions/weir.add_partition.sql", asset_43, sizeof asset_43},
    {"sql/functions/weir.cardinality.sql", asset_44, sizeof asset_44},
    {"sql/functions/weir.merge.sql", asset_45, sizeof asset_45},
    {"sql/functions/weir.merge_hll.sql", asset_46, sizeof asset_46},
    {"sql/functions/weir.merge_items.sql", asset_47, sizeof asset_47},
    {"sql/functions/weir.quantile.sql", asset_48, sizeof asset_48},
    {"sql/functions/weir.sketch_bins.sql", asset_49, sizeof asset_49},
    {"sql/functions/weir.views.sql", asset_50, sizeof asset_50},
    {"sql/migrations/0001_create_series.sql", asset_51, sizeof asset_51},
    {"sql/migrations/0002_create_minute.sql", asset_52, sizeof asset_52},
    {"sql/migrations/0003_create_compaction.sql", asset_53, sizeof asset_53},
    {"sql/migrations/0004_create_minute_view.sql", asset_54, sizeof asset_54},
    {"sql/migrations/0005_add_minute_sets.sql", asset_55, sizeof asset_55},
    {"sql/migrations/0006_create_hour_day.sql", asset_56, sizeof asset_56},
    {"sql/migrations/0007_create_retention.sql", asset_57, sizeof asset_57},
    {"sql/migrations/0008_create_reader.sql", asset_58, sizeof asset_58},
    {"sql/migrations/0009_create_rewritten_partition.sql", asset_59, sizeof asset_59},
    {"sql/migrations/0010_create_label_rollup.sql", asset_60, sizeof asset_60},
    {"sql/migrations/0011_create_board.sql", asset_61, sizeof asset_61},
    {"sql/queries/board.create.sql", asset_62, sizeof asset_62},
    {"sql/queries/board.delete.sql", asset_63, sizeof asset_63},
    {"sql/queries/board.get.sql", asset_64, sizeof asset_64},
    {"sql/queries/board.list.sql", asset_65, sizeof asset_65},
    {"sql/queries/board.replace.sql", asset_66, sizeof asset_66},
    {"sql/queries/doctor.cursors.sql", asset_67, sizeof asset_67},
    {"sql/queries/doctor.partitions.sql", asset_68, sizeof asset_68},
    {"sql/queries/doctor.rights.sql", asset_69, sizeof asset_69},
    {"sql/queries/doctor.server.sql", asset_70, sizeof asset_70},
    {"sql/queries/history.audit_count.sql", asset_71, sizeof asset_71},
    {"sql/queries/history.audit_hours.sql", asset_72, sizeof asset_72},
    {"sql/queries/history.day_rows.sql", asset_73, sizeof asset_73},
    {"sql/queries/history.extent.sql", asset_74, sizeof asset_74},
    {"sql/queries/history.held.sql", asset_75, sizeof asset_75},
    {"sql/queries/history.hour_rows.sql", asset_76, sizeof asset_76},
    {"sql/queries/history.kind.sql", asset_77, sizeof asset_77},
    {"sql/queries/history.label_rollups.sql", asset_78, sizeof asset_78},
    {"sql/queries/history.last_compaction.sql", asset_79, sizeof asset_79},
    {"sql/queries/history.metrics.sql", asset_80, sizeof asset_80},
    {"sql/queries/history.minute_rows.sql", asset_81, sizeof asset_81},
    {"sql/queries/history.series.sql", asset_82, sizeof asset_82},
    {"sql/queries/history.status.sql", asset_83, sizeof asset_83},
    {"sql/queries/labels.done.sql", asset_84, sizeof asset_84},
    {"sql/queries/labels.drop.sql", asset_85, sizeof asset_85},
    {"sql/queries/labels.forget.sql", asset_86, sizeof asset_86},
    {"sql/queries/labels.has_hours.sql", asset_87, sizeof asset_87},
    {"sql/queries/labels.hours.sql", asset_88, sizeof asset_88},
    {"sql/queries/labels.missing.sql", asset_89, sizeof asset_89},
    {"sql/queries/labels.record.sql", asset_90, sizeof asset_90},
    {"sql/queries/migration.applied.sql", asset_91, sizeof asset_91},
    {"sql/queries/migration.create_record.sql", asset_92, sizeof asset_92},
    {"sql/queries/migration.digests.sql", asset_93, sizeof asset_93},
    {"sql/queries/migration.installed_functions.sql", asset_94, sizeof asset_94},
    {"sql/queries/migration.record.sql", asset_95, sizeof asset_95},
    {"sql/queries/migration.record_function.sql", asset_96, sizeof asset_96},
    {"sql/queries/retention.decide.sql", asset_97, sizeof asset_97},
    {"sql/queries/retention.decided.sql", asset_98, sizeof asset_98},
    {"sql/queries/retention.forget.sql", asset_99, sizeof asset_99},
    {"sql/queries/retention.keep_count.sql", asset_100, sizeof asset_100},
    {"sql/queries/retention.partitions.sql", asset_101, sizeof asset_101},
    {"sql/queries/retention.record.sql", asset_102, sizeof asset_102},
    {"sql/queries/retention.rolled_up.sql", asset_103, sizeof asset_103},
    {"sql/queries/retention.state.sql", asset_104, sizeof asset_104},
    {"sql/queries/rewrite.grants.sql", asset_105, sizeof asset_105},
    {"sql/queries/rewrite.next.sql", asset_106, sizeof asset_106},
    {"sql/queries/rewrite.record.sql", asset_107, sizeof asset_107},
    {"sql/queries/rewrite.record_problem.sql", asset_108, sizeof asset_108},
    {"sql/queries/rollup.clear_day.sql", asset_109, sizeof asset_109},
    {"sql/queries/rollup.clear_hour.sql", asset_110, sizeof asset_110},
    {"sql/queries/rollup.copy_day.sql", asset_111, sizeof asset_111},
    {"sql/queries/rollup.copy_hour.sql", asset_112, sizeof asset_112},
    {"sql/queries/rollup.create_stages.sql", asset_113, sizeof asset_113},
    {"sql/queries/rollup.first_minute.sql", asset_114, sizeof asset_114},
    {"sql/queries/rollup.hours.sql", asset_115, sizeof asset_115},
    {"sql/queries/rollup.merge_day.sql", asset_116, sizeof asset_116},
    {"sql/queries/rollup.merge_hour.sql", asset_117, sizeof asset_117},
    {"sql/queries/rollup.minutes.sql", asset_118, sizeof asset_118},
    {"sql/queries/rollup.move.sql", asset_119, sizeof asset_119},
    {"sql/queries/rollup.part.sql", asset_120, sizeof asset_120},
    {"sql/queries/rollup.partitions.sql", asset_121, sizeof asset_121},
    {"sql/queries/rollup.series.sql", asset_122, sizeof asset_122},
    {"sql/queries/writer.add_partitions.sql", asset_123, sizeof asset_123},
    {"sql/queries/writer.add_series.sql", asset_124, sizeof asset_124},
    {"sql/queries/writer.copy_minute.sql", asset_125, sizeof asset_125},
    {"sql/queries/writer.copy_stage.sql", asset_126, sizeof asset_126},
    {"sql/queries/writer.create_stage.sql", asset_127, sizeof asset_127},
    {"sql/queries/writer.merge_stage.sql", asset_128, sizeof asset_128},
    {"sql/queries/writer.move_cursor.sql", asset_129, sizeof asset_129},
    {"sql/queries/writer.partition_cursor.sql", asset_130, sizeof asset_130},
    {"sql/queries/writer.record_pass.sql", asset_131, sizeof asset_131},
    {"sql/queries/writer.series_ids.sql", asset_132, sizeof asset_132},
};
const size_t weir_asset_count = sizeof weir_assets / sizeof weir_assets[0];
