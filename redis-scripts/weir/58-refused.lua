--[[ weir_retry: put refused entries on the log again, as they were; they are appended anew, and gone from the refused ones.
KEYS    1 cursor  HASH   2 events  STREAM   3 refused  STREAM
ARGS    ids of entries of the refused stream, at most 1,000
RETURNS for each 'OK' | 'GONE' there is no such entry | 'CUT' it was too long to be kept whole; it stays
ERRORS  'ARGS …', and 'OOM …' where Redis is full; nothing was written
COST    O(ids) ]]
local function weir_retry(keys, args)
    prefix_of(keys[1])
    local cursor, events, refused = keys[1], keys[2], keys[3]
    if #args > 1000 then fail('at most 1,000 at a time') end
    for i = 1, #args do stream_id(args[i], 'id') end
    redis.call('XLEN', events)
    redis.call('HLEN', cursor)
    local outcomes = {}
    for i, id in ipairs(args) do -- writes start here
        local entry = redis.call('XRANGE', refused, id, id)[1]
        local fields = entry and entry[2]
        if not entry then
            outcomes[i] = 'GONE'
        elseif #fields < 10 or fields[7] == 'cut' then
            outcomes[i] = 'CUT'
        else
            redis.call('XADD', events, '*', unpack(fields, 9))
            redis.call('XDEL', refused, id)
            redis.call('HINCRBY', cursor, 'refused_bytes', -(tonumber(fields[8]) or 0))
            outcomes[i] = 'OK'
        end
    end
    return outcomes
end

--[[ weir_drop: forget refused entries; the books keep them.
KEYS    1 cursor  HASH   2 refused  STREAM
ARGS    ids of entries of the refused stream, at most 1,000
RETURNS how many there were
ERRORS  'ARGS …'; nothing was written
COST    O(ids) ]]
local function weir_drop(keys, args)
    prefix_of(keys[1])
    local cursor, refused = keys[1], keys[2]
    if #args > 1000 then fail('at most 1,000 at a time') end
    for i = 1, #args do stream_id(args[i], 'id') end
    redis.call('HLEN', cursor)
    local dropped = 0
    for _, id in ipairs(args) do -- writes start here
        local entry = redis.call('XRANGE', refused, id, id)[1]
        if entry then
            redis.call('XDEL', refused, id)
            redis.call('HINCRBY', cursor, 'refused_bytes', -(tonumber(entry[2][8]) or 0))
            dropped = dropped + 1
        end
    end
    return dropped
end
