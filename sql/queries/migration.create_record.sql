-- What was applied; made by the runner itself, ahead of the first migration.
CREATE TABLE IF NOT EXISTS weir.migration (
    number integer CONSTRAINT migration_pkey PRIMARY KEY,
    name text NOT NULL,
    sha256 bytea NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS weir.installed_function (
    name text CONSTRAINT installed_function_pkey PRIMARY KEY,
    sha256 bytea NOT NULL,
    installed_at timestamptz NOT NULL DEFAULT now()
)
