--[[ weir_open: all that a worker must know to go on from the partition's cursor, in one state of it.
MULTI would do, but a full Redis queues nothing, and a worker makes room.
KEYS    1 cursor  HASH   2 definitions  STRING   3 series  HASH
RETURNS {state as weir_state, definitions JSON or nil, {number, series JSON, …} in no order that matters,
         upto, library version}
COST    O(series) ]]
local function weir_open(keys)
    prefix_of(keys[1])
    return {
        state_of(keys[1]), redis.call('GET', keys[2]), redis.call('HGETALL', keys[3]),
        redis.call('HGET', keys[1], 'upto') or '0', VERSION,
    }
end
