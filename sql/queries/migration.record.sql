-- A migration was applied.
INSERT INTO weir.migration (number, name, sha256) VALUES ($1, $2, $3)
