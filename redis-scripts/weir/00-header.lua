#!lua name=weir
--[[ Weir's Redis Functions: the only writers of the keys below, but for XADD to `events`, which any client may do.

All keys of a partition p share the tag {p}. Times in key names are seconds since 1970; a stream id `ms-n` is a position.

weir:{p}:events            STREAM  raw events: plain fields, or batch (NDJSON), received (ms), count, upto (running total)
weir:{p}:cursor            HASH    id (last entry applied), watermark, horizon, newest, settled, definitions; the books in all:
                                   appended, upto, foreign, applied, late, refused, missing, duplicate, entries; refused_bytes
weir:{p}:definitions       STRING  the metric definitions, JSON
weir:{p}:live              STREAM  what each applied batch added: from, to, newest, definitions, delta
weir:{p}:series            HASH    series number -> ["group",{"label":"value",...}]
weir:{p}:b1:<s>:<120 s>    HASH    second within the two minutes -> record
weir:{p}:b10:<s>:<600 s>   HASH    second within the ten minutes, in tens -> record; g -> generation;
                                   d<metric>.<minute within> -> events whose top item was dropped
weir:{p}:hll:<s>:<metric>:<minute>  STRING  HyperLogLog of a metric's values; lives and dies with its b10 hash
weir:{p}:top:<s>:<metric>:<minute>  ZSET    items -> events; lives and dies with its b10 hash
weir:{p}:minutes           ZSET    minutes with changed series
weir:{p}:dirty:<minute>    HASH    series -> id of the last entry of the batch that changed it
weir:{p}:chunks            ZSET    ten minutes whose b10 hashes have no expiry yet
weir:{p}:chunk:<600 s>     SET     the series of these hashes, and the names (hll:…, top:…) that live and die with them
weir:{p}:seen              ZSET    series -> second of its last event, to the minute
weir:{p}:once:<key>        STRING  fingerprint and answer of a request with an Idempotency-Key, expiring
weir:{p}:refused           STREAM  what could not be applied: entry, reason, received, then the fields it had
weir:{p}:audit:<hour>      HASH    the books of an hour of receipt: appended, applied, duplicate, late, refused, missing (events)
weir:{p}:lease             STRING  the worker at work, expiring
weir:{0}:partitions        STRING  how many partitions there are; never fewer than there were
weir:{0}:layout            HASH    count -> ms from which requests with a key go by it; life -> ms that keys live
weir:{0}:workers           ZSET    workers -> ms until which they count as alive

Records are opaque here: the worker holds the state of its partition at the cursor, so it sends whole new values, and the
compare-and-set on the cursor proves that nobody changed them meanwhile (docs/architecture.md, "Replacing beats merging"). ]]

-- Major: other versions cannot work side by side. Minor: a worker may meet one newer than its own.
local VERSION = '3.2'
local MAJOR = 3 -- of VERSION; nothing can be computed while a library is loaded

local FINE_CHUNK_S = 120    -- at most 120 fields: small ones stay a listpack
local COARSE_CHUNK_S = 600
local FINE_LIFE_S = 1200    -- one-second buckets are written for this long after their second
local FINE_EXPIRY_S = 1260  -- and kept for this long after the end of their hash
local COARSE_EXPIRY_S = 4800
local LIVE_LIFE_MS = 10000  -- a front that was away for longer reads everything anew
local LIVE_MAX_ENTRIES = 2000
local REFUSED_MAX_ENTRIES = 10000
local REFUSED_MAX_BYTES = 16777216
local AUDIT_EXPIRY_S = 40 * 86400
