#pragma once
#include <stddef.h>

/// One file of the repository that is built into the executable.
struct weir_asset {
    /// Its path inside the repository, '/' between parts.
    const char *path;
    const unsigned char *bytes;
    size_t length;
};

/// All of them; `weir_asset_count` long, in the order of `assets.c`.
extern const struct weir_asset weir_assets[];
extern const size_t weir_asset_count;
