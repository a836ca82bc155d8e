--[[ weir_apply: one batch, all of it or nothing: buckets, books, cursor and the live stream move in one step.
KEYS    1 cursor  HASH   2 events  STREAM   3 live  STREAM; the others are derived from the prefix of the first, since a
        batch touches hundreds (declaring them all costs as much as writing them)
ARGS    1 from  cursor the batch was made from   2 to  its last entry   3 version of the definitions used
        4 newest ms  time of the newest event   5 changes  msgpack, see below   6 delta  bytes for the live stream
changes [ series, fine, coarse, dirty, seen, refused, books ], flat lists:
        series  number, JSON                     those used for the first time
        fine    number, second, is_new, record   whole one-second buckets; is_new 1: it should not be there yet
        coarse  number, second, is_new, record   whole ten-second buckets
        dirty   minute, n, n numbers             what must be compacted
        seen    number, second                   last event
        refused id, reason, bytes                entries that could not be applied
        books   hour, field, events
RETURNS {'OK', horizon s} | {'STALE', cursor id} the cursor is another | {'MISSING'} the entry `to` is gone |
        {'DEFINITIONS', version} they have changed | {'CHANGED', (1|10, number, second, record or '')…} these buckets hold
        something else than the worker thought. In all but the first nothing was written.
ERRORS  'ARGS …' bad argument, 'WRONGTYPE …' a key of ours holds something else; nothing was written
COST    O(buckets); some 2.5 us a series and resolution ]]
local function weir_apply(keys, args)
    local prefix, cursor, events, live = prefix_of(keys[1]), keys[1], keys[2], keys[3]
    local from, to = stream_id(args[1], 'from'), stream_id(args[2], 'to')
    local version, newest = uint(args[3], 'version'), uint(args[4], 'newest')
    local decoded, changes = pcall(cmsgpack.unpack, args[5])
    if not decoded or type(changes) ~= 'table' or #changes ~= 7 then fail('changes must be seven lists') end
    local series, fine, coarse, dirty, seen, refused, books = unpack(changes)
    count_of(series, 2, 'series') count_of(fine, 4, 'fine') count_of(coarse, 4, 'coarse')
    count_of(seen, 2, 'seen') count_of(refused, 3, 'refused') count_of(books, 3, 'books')

    local held = redis.call('HMGET', cursor, 'id', 'definitions', 'horizon', 'newest', 'settled')
    if (held[1] or '0-0') ~= from then return { 'STALE', held[1] or '0-0' } end
    if tonumber(held[2] or 0) ~= version then return { 'DEFINITIONS', held[2] or '0' } end
    if #redis.call('XRANGE', events, to, to, 'COUNT', 1) == 0 then return { 'MISSING' } end
    local horizon = math.max(tonumber(held[3] or 0), now_s() - FINE_LIFE_S)
    local settled = tonumber(held[5] or -1)

    -- What the worker thinks new must be absent; what may have expired since it was written must be there still. The rest
    -- is as the worker knows it, for only the holder of the cursor writes.
    local changed = { 'CHANGED' }
    local function compare(resolution, key, number, second, field, is_new)
        local length = redis.call('HSTRLEN', key, field)
        if (length == 0) ~= (is_new == 1) then
            changed[#changed + 1] = resolution
            changed[#changed + 1] = number
            changed[#changed + 1] = second
            changed[#changed + 1] = redis.call('HGET', key, field) or ''
        end
    end
    local fine_keys, coarse_keys, coarse_late = {}, {}, {}
    for i = 1, #fine, 4 do
        local number, second, is_new = fine[i], fine[i + 1], fine[i + 2]
        if second >= horizon then
            local offset = second % FINE_CHUNK_S
            local key = prefix .. 'b1:' .. number .. ':' .. (second - offset)
            fine_keys[i] = key
            if is_new == 1 then compare(1, key, number, second, offset, 1) end
        end
    end
    for i = 1, #coarse, 4 do
        local number, second, is_new = coarse[i], coarse[i + 1], coarse[i + 2]
        local offset = second % COARSE_CHUNK_S
        local key = prefix .. 'b10:' .. number .. ':' .. (second - offset)
        coarse_keys[i] = key
        coarse_late[i] = second - offset <= settled
        if is_new == 1 or coarse_late[i] then compare(10, key, number, second, offset, is_new) end
    end
    if #changed > 1 then return changed end
    -- A read of the other keys, so that a wrong type is found now.
    redis.call('HLEN', prefix .. 'series')
    redis.call('ZCARD', prefix .. 'minutes')
    redis.call('ZCARD', prefix .. 'chunks')
    redis.call('ZCARD', prefix .. 'seen')
    redis.call('XLEN', live)

    in_slices(series, function(...) redis.call('HSET', prefix .. 'series', ...) end) -- writes start here
    for i = 1, #fine, 4 do
        local key, second = fine_keys[i], fine[i + 1]
        if key then
            local offset = second % FINE_CHUNK_S
            redis.call('HSET', key, offset, fine[i + 3])
            if fine[i + 2] == 1 then
                redis.call('EXPIREAT', key, second - offset + FINE_CHUNK_S + FINE_EXPIRY_S)
            end
        end
    end
    local chunks = {}
    for i = 1, #coarse, 4 do
        local key, number, second = coarse_keys[i], coarse[i], coarse[i + 1]
        local offset = second % COARSE_CHUNK_S
        if coarse[i + 2] == 1 or coarse_late[i] then
            redis.call('HSETNX', key, 'g', to)
            local chunk = second - offset
            local numbers = chunks[chunk] or {}
            numbers[#numbers + 1] = number
            chunks[chunk] = numbers
            if coarse_late[i] then redis.call('PERSIST', key) end
        end
        redis.call('HSET', key, offset, coarse[i + 3])
    end
    for chunk, numbers in pairs(chunks) do
        redis.call('ZADD', prefix .. 'chunks', chunk, chunk)
        in_slices(numbers, function(...) redis.call('SADD', prefix .. 'chunk:' .. chunk, ...) end)
    end
    local at = 1
    while at < #dirty do
        local minute, n, pairs_of = dirty[at], dirty[at + 1], {}
        for i = at + 2, at + 1 + n do
            pairs_of[#pairs_of + 1] = dirty[i]
            pairs_of[#pairs_of + 1] = to
        end
        redis.call('ZADD', prefix .. 'minutes', minute, minute)
        in_slices(pairs_of, function(...) redis.call('HSET', prefix .. 'dirty:' .. minute, ...) end)
        at = at + 2 + n
    end
    for i = 1, #seen, 2 do redis.call('ZADD', prefix .. 'seen', 'GT', seen[i + 1], seen[i]) end
    for i = 1, #refused, 3 do
        redis.call('XADD', prefix .. 'refused', 'MAXLEN', '~', REFUSED_MAX_ENTRIES, '*',
            'entry', refused[i], 'reason', refused[i + 1], 'bytes', refused[i + 2])
    end
    for i = 1, #books, 3 do
        local audit = prefix .. 'audit:' .. books[i]
        redis.call('HINCRBY', audit, books[i + 1], books[i + 2])
        redis.call('EXPIRE', audit, AUDIT_EXPIRY_S)
    end
    newest = math.max(newest, tonumber(held[4] or 0))
    redis.call('HSET', cursor, 'id', to, 'horizon', horizon, 'newest', string.format('%d', newest))
    redis.call('XADD', live, 'MAXLEN', '~', LIVE_MAX_ENTRIES, '*', 'from', from, 'to', to,
        'newest', string.format('%d', newest), 'definitions', version, 'delta', args[6])
    redis.call('XTRIM', live, 'MINID', '~', string.format('%d', now_s() * 1000 - LIVE_LIFE_MS))
    redis.call('XTRIM', events, 'MINID', '~', to)
    -- A consumer group that nobody reads: XINFO GROUPS shows the lag to whoever monitors Redis.
    local moved = redis.pcall('XGROUP', 'SETID', events, 'weir', to)
    if moved.err then redis.call('XGROUP', 'CREATE', events, 'weir', to) end
    return { 'OK', string.format('%d', horizon) }
end
