-- What the server is: its version, its clock, whether it takes writes, how it stores text, and who asks.
SELECT split_part(current_setting('server_version'), ' ', 1), current_setting('server_version_num')::integer, clock_timestamp(),
    pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean, current_setting('server_encoding'),
    current_user::text
