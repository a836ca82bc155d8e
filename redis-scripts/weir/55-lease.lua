--[[ weir_lease: hold a partition for a while, so that workers do not do the same work. It saves work and nothing more: what
keeps the numbers right is the cursor.
KEYS    1 lease  STRING  its owner, expiring
ARGS    1 owner   2 ttl_ms  0 gives the lease back
RETURNS 'OK' | 'HELD' by another
COST    O(1) ]]
local function weir_lease(keys, args)
    local owner, ttl_ms = args[1], uint(args[2], 'ttl_ms')
    local holder = redis.call('GET', keys[1])
    if holder and holder ~= owner then return 'HELD' end
    if ttl_ms > 0 then
        redis.call('SET', keys[1], owner, 'PX', ttl_ms) -- writes start here
    else
        redis.call('DEL', keys[1])
    end
    return 'OK'
end
