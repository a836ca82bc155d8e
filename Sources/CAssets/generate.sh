#!/bin/sh
# Writes assets.c, the list of the files that are built into the executable: the page, the API's description, the Lua, the SQL.
# Run it after adding, renaming or removing one (a changed file is rebuilt without it); `--check` only compares.
set -eu
cd "$(dirname "$0")/../.."
list=Sources/CAssets/assets.c
mkdir -p Sources/Dashboard/Assets redis-scripts sql # git keeps no empty folders

files() {
    find Sources/Dashboard/Assets -type f ! -name '.*'
    find openapi.yaml -type f
    find redis-scripts -type f -name '*.lua' ! -path 'redis-scripts/bench/*' # measured, never loaded by us
    find sql -type f -name '*.sql'
}

generate() {
    echo "// Written by generate.sh: the files that are built into the executable. SwiftPM rebuilds this when one changes."
    echo '#include "assets.h"'
    echo
    echo '// clang-format off'
    number=0
    for file in "$@"; do
        printf 'static const unsigned char asset_%d[] = {\n#embed "../../%s"\n};\n' "$number" "$file"
        number=$((number + 1))
    done
    echo
    echo 'const struct weir_asset weir_assets[] = {'
    number=0
    for file in "$@"; do
        printf '    {"%s", asset_%d, sizeof asset_%d},\n' "$file" "$number" "$number"
        number=$((number + 1))
    done
    echo '};'
    echo 'const size_t weir_asset_count = sizeof weir_assets / sizeof weir_assets[0];'
}

for file in $(files); do
    [ -s "$file" ] || { echo "generate.sh: $file is empty, and C has no empty arrays" >&2; exit 1; }
done
# Byte order, so that Swift's binary search and every locale agree.
wanted=$(generate $(files | LC_ALL=C sort))

case "${1:-}" in
"") [ "$wanted" = "$(cat "$list" 2>/dev/null)" ] || printf '%s\n' "$wanted" >"$list" ;;
--check)
    printf '%s\n' "$wanted" | diff -u "$list" - >&2 ||
        { echo "$list is not in step with the files: run Sources/CAssets/generate.sh" >&2; exit 1; } ;;
*) echo "usage: generate.sh [--check]" >&2; exit 64 ;;
esac
