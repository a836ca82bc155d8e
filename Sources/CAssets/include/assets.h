#pragma once
#include <stddef.h>

/// One file of the repository that is built into the executable.
struct weir_asset {
    /// Its path inside the repository, '/' between parts.
    const char *path;
    const unsigned char *bytes;
    size_t length;
};

/// All of them; `weir_asset_count` long, in byte order of their paths.
extern const struct weir_asset weir_assets[];
extern const size_t weir_asset_count;

/// The file at `index`, which is below `weir_asset_count` (Swift sees an array without a length as one element).
static inline struct weir_asset weir_asset_at(size_t index) { return weir_assets[index]; }
