-- The server's version, and the number of the last migration applied.
SELECT current_setting('server_version'), (SELECT coalesce(max(number), 0) FROM weir.migration)
