-- Where rows wait that may replace others.
CREATE TEMPORARY TABLE minute_stage (LIKE weir.minute) ON COMMIT DELETE ROWS
