--[[ weir_define: store the metric definitions, where nobody else has changed them meanwhile.
KEYS    1 cursor  HASH   2 definitions  STRING
ARGS    1 expected  version they had   2 version  the new one, above it   3 definitions  JSON
RETURNS 'OK' | 'CHANGED': the version is not the expected one; nothing was written
COST    O(1) ]]
local function weir_define(keys, args)
    prefix_of(keys[1])
    local expected, version = uint(args[1], 'expected'), uint(args[2], 'version')
    if version <= expected then fail('version must be above the expected one') end
    if tonumber(redis.call('HGET', keys[1], 'definitions') or 0) ~= expected then return 'CHANGED' end
    redis.call('GET', keys[2])

    redis.call('SET', keys[2], args[3]) -- writes start here
    redis.call('HSET', keys[1], 'definitions', version)
    return 'OK'
end
