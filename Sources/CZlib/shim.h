#pragma once
#include <zlib.h>

/// deflateInit2 and inflateInit2 are macros, which Swift does not import. 15 + 16: the largest window, gzip's wrapper.
static inline int weir_gzip_deflate_init(z_stream *stream, int level) {
    return deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}
static inline int weir_gzip_inflate_init(z_stream *stream) { return inflateInit2(stream, 15 + 16); }

/// Without any wrapper, as negative window bits say.
static inline int weir_raw_deflate_init(z_stream *stream, int level, int window_bits) {
    return deflateInit2(stream, level, Z_DEFLATED, -window_bits, 8, Z_DEFAULT_STRATEGY);
}
static inline int weir_raw_inflate_init(z_stream *stream) { return inflateInit2(stream, -15); }
