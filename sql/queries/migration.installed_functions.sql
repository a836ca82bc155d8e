-- The function files as they were installed.
SELECT name, sha256 FROM weir.installed_function
