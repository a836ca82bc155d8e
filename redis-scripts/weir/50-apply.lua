--[[ weir_apply: one batch, all of it or nothing: buckets, sets, books, cursor and the live stream move in one step.
KEYS    1 cursor  HASH   2 events  STREAM   3 live  STREAM; the others are derived from the prefix of the first, since a
        batch touches hundreds (declaring them all costs as much as writing them)
ARGS    1 major  of the library that the caller was written for   2 from  cursor the batch was made from
        3 to  its last entry   4 version of the definitions used   5 newest ms  time of the newest event
        6 changes  msgpack, see below   7 delta  bytes for the live stream
changes [ series, fine, coarse, dirty, seen, refused, books, uniques, tops, progress ], flat lists:
        series   number, JSON                     those used for the first time
        fine     whole one-second buckets, for each hash: number, start s, flags (1 the hash may be new, 2 something is to be
                 looked for), n, presence (n digits: 0 it is there, 1 it is not, 2 it should not be: look), n fields and records
        coarse   whole ten-second buckets, in the same form
        dirty    minute, n, n numbers             what must be compacted
        seen     second, number                   last event
        refused  id, reason, received ms, bytes, is_whole, n, n names and values of the entry
        books    hour, field, events              fields: foreign (appended by others), applied, late, refused, missing
        uniques  number, metric, minute, is_new, n, n values to add
        tops     number, metric, minute, is_new, dropped, n, n times item and its count now, m, m items that are dropped
        progress upto, entries                    fronts' events up to the last entry, and entries in the batch
RETURNS {'OK', horizon s, settled s} | {'STALE', cursor id} the cursor is another | {'MISSING'} the entry `to` is gone |
        {'DEFINITIONS', version} they have changed | {'VERSION', version} the library has another major one |
        {'CHANGED', (1|10|t<metric>, number, second, record, or for a top {dropped, item, count, …}, or '')…} these hold
        something else than the worker thought. In all but the first nothing was written.
ERRORS  'ARGS …' bad argument, 'WRONGTYPE …' a key of ours holds something else; nothing was written
        Numbers of series, fields and seconds of `seen` come as texts: making them here would cost as much as writing.
COST    O(buckets + values); some 2.5 us a bucket (docs/measurements.md) ]]

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

-- Calls `visit` with each group of a list of writes: key, number, start, flags, n, presence, place of its first field.
local function each_hash(list, start_of_key, visit)
    local at, ends, size = 1, {}, #list
    while at <= size do
        local number, start, flags, n, presence = list[at], list[at + 1], list[at + 2], list[at + 3], list[at + 4]
        if type(n) ~= 'number' or type(presence) ~= 'string' or #presence ~= n or at + 4 + n * 2 > size then
            fail('buckets are missing')
        end
        if not ends[start] then ends[start] = string.format(':%d', start) end
        visit(start_of_key .. number .. ends[start], number, start, flags, n, presence, at + 5)
        at = at + 5 + n * 2
    end
end

-- The flat list of uniques or tops as tables; `read` takes what stands behind the first four and returns the next place.
local function set_writes(list, family, prefix, settled, text_of, read)
    local writes, at = {}, 1
    while at <= #list do
        local number, metric, minute = text_of(list[at]), text_of(list[at + 1]), list[at + 2]
        local chunk = minute - minute % COARSE_CHUNK_S
        local write = {
            name = family .. number .. ':' .. metric .. ':' .. text_of(minute), number = list[at], metric = metric,
            minute = minute, is_new = list[at + 3] == 1, chunk = chunk, is_late = chunk <= settled,
            hash = prefix .. 'b10:' .. number .. ':' .. text_of(chunk),
        }
        write.key = prefix .. write.name
        at = read(write, at + 4)
        writes[#writes + 1] = write
    end
    return writes
end

local function read_unique(list)
    return function(write, at)
        local n = uint(list[at], 'n')
        write.values = {}
        for i = 1, n do write.values[i] = list[at + i] or fail('values are missing') end
        return at + n + 1
    end
end

local function read_top(list)
    return function(write, at)
        write.dropped = uint(list[at], 'dropped')
        local n = uint(list[at + 1], 'n')
        write.scores, write.removed = {}, {}
        for i = 1, n do
            write.scores[i * 2 - 1] = list[at + i * 2 + 1] or fail('items are missing')
            write.scores[i * 2] = list[at + i * 2]
        end
        at = at + n * 2 + 2
        local m = uint(list[at], 'm')
        for i = 1, m do write.removed[i] = list[at + i] or fail('items are missing') end
        return at + m + 1
    end
end

-- A refused entry with the fields it had; the oldest go where all together have become too many.
local function set_aside(prefix, cursor, refused)
    local stream, at = prefix .. 'refused', 1
    while at <= #refused do
        local n = refused[at + 5]
        redis.call('XADD', stream, '*', 'entry', refused[at], 'reason', refused[at + 1], 'received', refused[at + 2],
            refused[at + 4] == 1 and 'bytes' or 'cut', refused[at + 3], unpack(refused, at + 6, at + 5 + n))
        local bytes = redis.call('HINCRBY', cursor, 'refused_bytes', refused[at + 3])
        while bytes > REFUSED_MAX_BYTES or redis.call('XLEN', stream) > REFUSED_MAX_ENTRIES do
            local oldest = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
            if not oldest then break end
            redis.call('XDEL', stream, oldest[1])
            bytes = redis.call('HINCRBY', cursor, 'refused_bytes', -(tonumber(oldest[2][8]) or 0))
        end
        at = at + 6 + n
    end
end

-- Entries applied in all, with which XINFO's entries-added can be compared; before the first batch, those that were gone
-- before anybody counted.
local function entries_before(events, from)
    local info, added = redis.call('XINFO', 'STREAM', events), 0
    for i = 1, #info, 2 do
        if info[i] == 'entries-added' then added = info[i + 1] end
    end
    local gone = from == '0-0' and 0 or #redis.call('XRANGE', events, '-', from, 'COUNT', 10000)
    return added - redis.call('XLEN', events) + gone
end

local function weir_apply(keys, args)
    local prefix, cursor, events, live = prefix_of(keys[1]), keys[1], keys[2], keys[3]
    if tonumber(args[1]) ~= MAJOR then return { 'VERSION', VERSION } end
    local from, to = stream_id(args[2], 'from'), stream_id(args[3], 'to')
    local version, newest = uint(args[4], 'version'), uint(args[5], 'newest')
    if not args[7] then fail('delta is missing') end
    local decoded, changes = pcall(cmsgpack.unpack, args[6])
    if not decoded or type(changes) ~= 'table' or #changes ~= 10 then fail('changes must be ten lists') end
    local series, fine, coarse, dirty, seen, refused, books, uniques, tops, progress = unpack(changes)
    count_of(series, 2, 'series') count_of(seen, 2, 'seen') count_of(books, 3, 'books')
    if #progress ~= 2 then fail('progress must be two numbers') end

    local held = redis.call('HMGET', cursor, 'id', 'definitions', 'horizon', 'newest', 'settled', 'entries')
    if (held[1] or '0-0') ~= from then return { 'STALE', held[1] or '0-0' } end
    if tonumber(held[2] or 0) ~= version then return { 'DEFINITIONS', held[2] or '0' } end
    if #redis.call('XRANGE', events, to, to, 'COUNT', 1) == 0 then return { 'MISSING' } end
    local horizon = math.max(tonumber(held[3] or 0), now_s() - FINE_LIFE_S)
    local settled = tonumber(held[5] or -1)

    -- What the worker thinks new must be absent; what may have expired since it was written must be there still. The rest
    -- is as the worker knows it, for only the holder of the cursor writes.
    local changed = { 'CHANGED' }
    local call, text_of = redis.call, texts()
    local function tell(resolution, number, second, content)
        local last = #changed
        changed[last + 1], changed[last + 2], changed[last + 3], changed[last + 4] = resolution, number, second, content
    end
    local function compare(resolution, key, number, start, presence, j, field)
        local length = call('HSTRLEN', key, field)
        if (length == 0) ~= (string.byte(presence, j) ~= 48) then
            tell(resolution, number, start + tonumber(field), call('HGET', key, field) or '')
        end
    end
    local fine_start, coarse_start = prefix .. 'b1:', prefix .. 'b10:'
    each_hash(fine, fine_start, function(key, number, start, flags, n, presence, at)
        if flags < 2 or start + FINE_CHUNK_S <= horizon then return end
        for j = 1, n do
            local field = fine[at + j * 2 - 2]
            if string.byte(presence, j) == 50 and start + tonumber(field) >= horizon then
                compare(1, key, number, start, presence, j, field)
            end
        end
    end)
    each_hash(coarse, coarse_start, function(key, number, start, flags, n, presence, at)
        local is_late = start <= settled
        if flags < 2 and not is_late then return end
        for j = 1, n do
            if is_late or string.byte(presence, j) == 50 then
                compare(10, key, number, start, presence, j, coarse[at + j * 2 - 2])
            end
        end
    end)
    local unique_writes = set_writes(uniques, 'hll:', prefix, settled, text_of, read_unique(uniques))
    for _, write in ipairs(unique_writes) do
        if write.is_new then call('STRLEN', write.key) end
    end
    local top_writes = set_writes(tops, 'top:', prefix, settled, text_of, read_top(tops))
    for _, write in ipairs(top_writes) do
        if write.is_new or write.is_late then
            -- Beside a hash that has expired a set is a leftover of the same moment.
            write.is_left = call('EXISTS', write.hash) == 0
            local is_there = call('ZCARD', write.key) > 0 and not write.is_left
            if is_there == write.is_new then
                tell('t' .. write.metric, write.number, write.minute,
                    is_there and top_of(write.key, write.hash, write.metric, write.minute) or '')
            end
        end
    end
    if #changed > 1 then return changed end
    local marks_of, at = {}, 1
    while at < #dirty do
        local minute, n = text_of(dirty[at]), uint(dirty[at + 1], 'n')
        local marks = marks_of[minute] or {}
        local last = #marks
        for i = at + 2, at + 1 + n do
            marks[last + 1], marks[last + 2] = dirty[i], to
            last = last + 2
        end
        marks_of[minute] = marks
        at = at + 2 + n
    end
    at = 1
    while at <= #refused do
        local n = uint(refused[at + 5], 'n')
        if n % 2 ~= 0 or n > 2000 or #refused < at + 5 + n then fail('a refused entry has fields and values, at most 1,000') end
        at = at + 6 + n
    end
    -- A read of the other keys, so that a wrong type is found now.
    redis.call('HLEN', prefix .. 'series')
    redis.call('ZCARD', prefix .. 'minutes')
    redis.call('ZCARD', prefix .. 'chunks')
    redis.call('ZCARD', prefix .. 'seen')
    redis.call('XLEN', prefix .. 'refused')
    redis.call('XLEN', live)
    local entries = tonumber(held[6] or entries_before(events, from)) + progress[2]

    in_slices(series, function(...) redis.call('HSET', prefix .. 'series', ...) end) -- writes start here
    each_hash(fine, fine_start, function(key, _, start, flags, n, _, at)
        if start + FINE_CHUNK_S <= horizon then return end
        if start < horizon then
            for j = at, at + n * 2 - 2, 2 do
                if start + tonumber(fine[j]) >= horizon then call('HSET', key, fine[j], fine[j + 1]) end
            end
        else
            call('HSET', key, unpack(fine, at, at + n * 2 - 1))
        end
        if flags % 2 == 1 then call('EXPIREAT', key, text_of(start + FINE_CHUNK_S + FINE_EXPIRY_S)) end
    end)
    local chunks = {}
    local function keep(chunk, name)
        local names = chunks[chunk] or {}
        names[#names + 1] = name
        chunks[chunk] = names
    end
    each_hash(coarse, coarse_start, function(key, number, start, flags, n, _, at)
        local is_late = start <= settled
        if flags % 2 == 1 or is_late then
            call('HSETNX', key, 'g', to)
            keep(start, number)
            if is_late then call('PERSIST', key) end
        end
        call('HSET', key, unpack(coarse, at, at + n * 2 - 1))
    end)
    for _, write in ipairs(unique_writes) do
        in_slices(write.values, function(...) call('PFADD', write.key, ...) end)
        if write.is_new or write.is_late then keep(write.chunk, write.name) end
        if write.is_late then call('PERSIST', write.key) end
    end
    for _, write in ipairs(top_writes) do
        if write.is_left then call('DEL', write.key) end
        in_slices(write.scores, function(...) call('ZADD', write.key, ...) end)
        in_slices(write.removed, function(...) call('ZREM', write.key, ...) end)
        if write.dropped > 0 then call('HSET', write.hash, dropped_field(write.metric, write.minute), write.dropped) end
        if write.is_new or write.is_late then keep(write.chunk, write.name) end
        if write.is_late then call('PERSIST', write.key) end
    end
    for chunk, names in pairs(chunks) do
        redis.call('ZADD', prefix .. 'chunks', chunk, chunk)
        in_slices(names, function(...) redis.call('SADD', prefix .. 'chunk:' .. chunk, ...) end)
    end
    for minute, marks in pairs(marks_of) do
        redis.call('ZADD', prefix .. 'minutes', minute, minute)
        in_slices(marks, function(...) redis.call('HSET', prefix .. 'dirty:' .. minute, ...) end)
    end
    in_slices(seen, function(...) redis.call('ZADD', prefix .. 'seen', 'GT', ...) end)
    set_aside(prefix, cursor, refused)
    for i = 1, #books, 3 do
        local hour, field, count = text_of(books[i]), books[i + 1], books[i + 2]
        -- What others put on the log is appended when it is found there.
        book(prefix, hour, field == 'foreign' and 'appended' or field, count)
        redis.call('HINCRBY', cursor, field, count)
    end
    newest = math.max(newest, tonumber(held[4] or 0))
    redis.call('HSET', cursor, 'id', to, 'horizon', horizon, 'newest', string.format('%d', newest),
        'upto', string.format('%d', progress[1]), 'entries', string.format('%d', entries))
    redis.call('XADD', live, 'MAXLEN', '~', LIVE_MAX_ENTRIES, '*', 'from', from, 'to', to,
        'newest', string.format('%d', newest), 'definitions', version, 'delta', args[7])
    redis.call('XTRIM', live, 'MINID', '~', string.format('%d', now_s() * 1000 - LIVE_LIFE_MS))
    redis.call('XTRIM', events, 'MINID', '~', to)
    -- A consumer group that nobody reads: XINFO GROUPS shows the lag to whoever monitors Redis.
    local moved = redis.pcall('XGROUP', 'SETID', events, 'weir', to, 'ENTRIESREAD', entries)
    if moved.err then redis.call('XGROUP', 'CREATE', events, 'weir', to, 'ENTRIESREAD', entries) end
    return { 'OK', string.format('%d', horizon), string.format('%d', settled) }
end
