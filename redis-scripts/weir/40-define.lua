--[[ weir_define: store the metric definitions, where nobody else has changed them meanwhile, and tell the fronts.
KEYS    1 cursor  HASH   2 definitions  STRING   3 live  STREAM
ARGS    1 expected  version they had   2 version  the new one, above it   3 definitions  JSON
RETURNS 'OK' | 'CHANGED': the version is not the expected one; nothing was written
COST    O(1) ]]
local function weir_define(keys, args)
    prefix_of(keys[1])
    local cursor, live = keys[1], keys[3]
    local expected, version = uint(args[1], 'expected'), uint(args[2], 'version')
    if version <= expected then fail('version must be above the expected one') end
    local held = redis.call('HMGET', cursor, 'definitions', 'id', 'newest')
    if tonumber(held[1] or 0) ~= expected then return 'CHANGED' end
    redis.call('GET', keys[2])
    redis.call('XLEN', live)

    redis.call('SET', keys[2], args[3]) -- writes start here
    redis.call('HSET', cursor, 'definitions', version)
    local id = held[2] or '0-0'
    redis.call('XADD', live, 'MAXLEN', '~', LIVE_MAX_ENTRIES, '*', 'from', id, 'to', id,
        'newest', held[3] or '0', 'definitions', version)
    return 'OK'
end
