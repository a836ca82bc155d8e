-- Where rows of a transaction stand before they are merged.
CREATE TEMPORARY TABLE IF NOT EXISTS weir_staged_minute (LIKE weir.minute) ON COMMIT DELETE ROWS
