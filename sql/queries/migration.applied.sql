-- What was applied.
SELECT number, name, sha256 FROM weir.migration ORDER BY number
