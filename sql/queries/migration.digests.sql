-- The SHA-256 of each file.
SELECT sha256(content) FROM unnest($1::bytea[]) WITH ORDINALITY AS file (content, place) ORDER BY place
