// Written by generate.sh: the files that are built into the executable. SwiftPM rebuilds this when one changes.
#include "assets.h"

// clang-format off
static const unsigned char asset_0[] = {
#embed "../../redis-scripts/weir/00-header.lua"
};

const struct weir_asset weir_assets[] = {
    {"redis-scripts/weir/00-header.lua", asset_0, sizeof asset_0},
};
const size_t weir_asset_count = sizeof weir_assets / sizeof weir_assets[0];
