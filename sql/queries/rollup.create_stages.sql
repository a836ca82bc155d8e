-- Where hours and days wait that may replace others.
CREATE TEMPORARY TABLE hour_stage (LIKE weir.hour) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE day_stage (LIKE weir.day) ON COMMIT DELETE ROWS
