-- 0011_create_board.sql
-- Purpose : boards that admins save on the page, by the fronts. weir_reader may read them, as all here: they hold no secrets.
-- Locks   : none on existing tables.   Size: a row a board, at most 64 KiB each; fronts store no more than 1,000.
-- Undo    : DROP TABLE weir.board; what was saved is gone, boards of the configuration stay.

CREATE TABLE weir.board (
    name text CONSTRAINT board_pkey PRIMARY KEY
        CONSTRAINT board_name_is_slug CHECK (name ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    title text NOT NULL CONSTRAINT board_title_short CHECK (length(title) BETWEEN 1 AND 100),
    -- docs/boards.md has its format. As text PostgreSQL writes it with blanks, which the 64 KiB of fronts do not count.
    body jsonb NOT NULL
        CONSTRAINT board_body_bounded CHECK (jsonb_typeof(body) = 'object' AND octet_length(body::text) <= 131072),
    -- Given anew with each change and never twice, so that a board made anew under an old name is not taken for the old one.
    version bigint GENERATED ALWAYS AS IDENTITY,
    updated_at timestamptz NOT NULL
);
COMMENT ON TABLE weir.board IS 'Boards of the page that were saved there; those of the configuration file are not here.';
