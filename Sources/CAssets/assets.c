// The files that are built into the executable: `#embed` costs no compile time and rebuilds when one of them changes.
// `./dev check` compares this list with the folders it names.
#include "assets.h"

#define ASSET(name, ...) static const unsigned char name[] = {__VA_ARGS__};

// clang-format off
static const unsigned char readme_lua[] = {
#embed "../../redis-scripts/weir/00-header.lua"
};
// clang-format on

const struct weir_asset weir_assets[] = {
    {"redis-scripts/weir/00-header.lua", readme_lua, sizeof readme_lua},
};
const size_t weir_asset_count = sizeof weir_assets / sizeof weir_assets[0];
