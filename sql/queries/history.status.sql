-- The server's version, and the number of the last migration applied.
SELECT split_part(current_setting('server_version'), ' ', 1), (SELECT coalesce(max(number), 0) FROM weir.migration)
