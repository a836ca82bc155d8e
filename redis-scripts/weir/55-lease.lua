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

--[[ weir_workers: count as alive for a while, and learn who else does, so that workers can share the partitions.
KEYS    1 workers  ZSET  owner -> ms until which it counts as alive
ARGS    1 owner  string 1..256 bytes   2 ttl_ms  0 leaves at once
RETURNS the owners alive, in no order that matters; the caller is one of them unless it leaves
ERRORS  'ARGS …'; nothing was written
COST    O(workers) ]]
local function weir_workers(keys, args)
    local workers, owner, ttl_ms = keys[1], args[1], uint(args[2], 'ttl_ms')
    if not owner or #owner < 1 or #owner > 256 then fail('owner must have 1 to 256 bytes') end
    local now = now_ms()
    redis.call('ZREMRANGEBYSCORE', workers, '-inf', string.format('%d', now)) -- writes start here
    if ttl_ms > 0 then
        redis.call('ZADD', workers, string.format('%d', now + ttl_ms), owner)
    else
        redis.call('ZREM', workers, owner)
    end
    return redis.call('ZRANGE', workers, 0, -1)
end
