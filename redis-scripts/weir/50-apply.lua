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
COST    O(buckets); some 2.5 us a bucket (docs/measurements.md) ]]

-- Most of the time goes into making texts of numbers, so that is done once for each: a batch has few seconds, and names a
-- series several times.
local function texts()
    local known = {}
    return function(number)
        local text = known[number]
        if not text then
            text = string.format('%d', number)
            known[number] = text
        end
        return text
    end
end

-- For a second: the end of its bucket's key, its field, and the start of the hash.
local function places(chunk_s)
    local ends, fields, starts = {}, {}, {}
    return function(second)
        if not ends[second] then
            local offset = second % chunk_s
            starts[second] = second - offset
            ends[second] = string.format(':%d', second - offset)
            fields[second] = string.format('%d', offset)
        end
        return ends[second], fields[second], starts[second]
    end
end

local function weir_apply(keys, args)
    local prefix, cursor, events, live = prefix_of(keys[1]), keys[1], keys[2], keys[3]
    local from, to = stream_id(args[1], 'from'), stream_id(args[2], 'to')
    local version, newest = uint(args[3], 'version'), uint(args[4], 'newest')
    if not args[6] then fail('delta is missing') end
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
    local call, text_of = redis.call, texts()
    local function compare(resolution, key, number, second, field, is_new)
        local length = call('HSTRLEN', key, field)
        if (length == 0) ~= (is_new == 1) then
            changed[#changed + 1] = resolution
            changed[#changed + 1] = number
            changed[#changed + 1] = second
            changed[#changed + 1] = call('HGET', key, field) or ''
        end
    end
    local fine_place, fine_start, fine_keys = places(FINE_CHUNK_S), prefix .. 'b1:', {}
    for i = 1, #fine, 4 do
        local number, second, is_new = fine[i], fine[i + 1], fine[i + 2]
        if second >= horizon then
            local key_end, field = fine_place(second)
            local key = fine_start .. text_of(number) .. key_end
            fine_keys[i] = key
            if is_new == 1 then compare(1, key, number, second, field, 1) end
        end
    end
    local coarse_place, coarse_start, coarse_keys, coarse_late = places(COARSE_CHUNK_S), prefix .. 'b10:', {}, {}
    for i = 1, #coarse, 4 do
        local number, second, is_new = coarse[i], coarse[i + 1], coarse[i + 2]
        local key_end, field, chunk = coarse_place(second)
        local key = coarse_start .. text_of(number) .. key_end
        coarse_keys[i] = key
        coarse_late[i] = chunk <= settled
        if is_new == 1 or coarse_late[i] then compare(10, key, number, second, field, is_new) end
    end
    if #changed > 1 then return changed end
    local marks_of, scores, at = {}, {}, 1
    while at < #dirty do
        local minute, n = text_of(dirty[at]), uint(dirty[at + 1], 'n')
        local marks = marks_of[minute] or {}
        for i = at + 2, at + 1 + n do
            marks[#marks + 1] = text_of(dirty[i])
            marks[#marks + 1] = to
        end
        marks_of[minute] = marks
        at = at + 2 + n
    end
    for i = 1, #seen, 2 do
        scores[i], scores[i + 1] = text_of(seen[i + 1]), text_of(seen[i])
    end
    -- A read of the other keys, so that a wrong type is found now.
    redis.call('HLEN', prefix .. 'series')
    redis.call('ZCARD', prefix .. 'minutes')
    redis.call('ZCARD', prefix .. 'chunks')
    redis.call('ZCARD', prefix .. 'seen')
    redis.call('XLEN', live)

    in_slices(series, function(...) redis.call('HSET', prefix .. 'series', ...) end) -- writes start here
    for i = 1, #fine, 4 do
        local key = fine_keys[i]
        if key then
            local _, field, chunk = fine_place(fine[i + 1])
            call('HSET', key, field, fine[i + 3])
            if fine[i + 2] == 1 then call('EXPIREAT', key, text_of(chunk + FINE_CHUNK_S + FINE_EXPIRY_S)) end
        end
    end
    local chunks = {}
    for i = 1, #coarse, 4 do
        local key = coarse_keys[i]
        local _, field, chunk = coarse_place(coarse[i + 1])
        if coarse[i + 2] == 1 or coarse_late[i] then
            call('HSETNX', key, 'g', to)
            local numbers = chunks[chunk] or {}
            numbers[#numbers + 1] = text_of(coarse[i])
            chunks[chunk] = numbers
            if coarse_late[i] then call('PERSIST', key) end
        end
        call('HSET', key, field, coarse[i + 3])
    end
    for chunk, numbers in pairs(chunks) do
        redis.call('ZADD', prefix .. 'chunks', chunk, chunk)
        in_slices(numbers, function(...) redis.call('SADD', prefix .. 'chunk:' .. chunk, ...) end)
    end
    for minute, marks in pairs(marks_of) do
        redis.call('ZADD', prefix .. 'minutes', minute, minute)
        in_slices(marks, function(...) redis.call('HSET', prefix .. 'dirty:' .. minute, ...) end)
    end
    in_slices(scores, function(...) redis.call('ZADD', prefix .. 'seen', 'GT', ...) end)
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
