#!lua name=weir
--[[ Weir's Redis Functions: the only writers of the keys below, but for XADD to `events`, which any client may do.

All keys of a partition p share the tag {p}. Times in key names are seconds since 1970; a stream id `ms-n` is a position.

weir:{p}:events            STREAM  raw events: plain fields, or batch (NDJSON), received (ms), count, upto (running total)
weir:{p}:cursor            HASH    id (last entry applied), watermark, horizon, newest, settled, definitions, appended
weir:{p}:definitions       STRING  the metric definitions, JSON
weir:{p}:live              STREAM  what each applied batch added: from, to, newest, definitions, delta
weir:{p}:series            HASH    series number -> ["group",{"label":"value",...}]
weir:{p}:b1:<s>:<120 s>    HASH    second within the two minutes -> record
weir:{p}:b10:<s>:<600 s>   HASH    second within the ten minutes, in tens -> record; g -> generation
weir:{p}:minutes           ZSET    minutes with changed series
weir:{p}:dirty:<minute>    HASH    series -> id of the last entry of the batch that changed it
weir:{p}:chunks            ZSET    ten minutes whose b10 hashes have no expiry yet
weir:{p}:chunk:<600 s>     SET     the series of these hashes
weir:{p}:seen              ZSET    series -> second of its last event, to the minute
weir:{p}:once:<key>        STRING  fingerprint and answer of a request with an Idempotency-Key, expiring
weir:{p}:refused           STREAM  entries that could not be applied, with the reason
weir:{p}:audit:<hour>      HASH    the books: appended, applied, duplicate, late, refused (events)
weir:{p}:lease             STRING  the worker at work, expiring
weir:{0}:partitions        STRING  how many partitions were ever used

Records are opaque here: the worker holds the state of its partition at the cursor, so it sends whole new values, and the
compare-and-set on the cursor proves that nobody changed them meanwhile (docs/architecture.md, "Replacing beats merging"). ]]

-- Major: other versions cannot work side by side. Minor: a worker may meet one newer than its own.
local VERSION = '1.0'

local FINE_CHUNK_S = 120    -- at most 120 fields: small ones stay a listpack
local COARSE_CHUNK_S = 600
local FINE_LIFE_S = 1200    -- one-second buckets are written for this long after their second
local FINE_EXPIRY_S = 1500  -- and kept for this long after the end of their hash
local COARSE_EXPIRY_S = 4800
local LIVE_LIFE_MS = 10000  -- a front that was away for longer reads everything anew
local LIVE_MAX_ENTRIES = 2000
local REFUSED_MAX_ENTRIES = 10000
local AUDIT_EXPIRY_S = 40 * 86400
-- Everything that can be wrong with a call is found before its first write: a function that fails is not rolled back.

local function fail(detail)
    error({ err = 'ARGS ' .. detail })
end

local function uint(text, name)
    local number = tonumber(text)
    if not number or number < 0 or number > 2 ^ 53 or number % 1 ~= 0 then
        fail(name .. ' must be a whole number')
    end
    return number
end

local function stream_id(text, name)
    if not text or not string.match(text, '^%d+%-%d+$') then
        fail(name .. ' must be a stream id, as in 1795428000000-0')
    end
    return text
end

local function count_of(list, of, name)
    if #list % of ~= 0 then
        fail(name .. ' must come in groups of ' .. of)
    end
    return #list / of
end

-- The start of all keys of the partition, from the name of its cursor.
local function prefix_of(cursor_key)
    local prefix = cursor_key and string.match(cursor_key, '^(.*)cursor$')
    if not prefix then
        fail('the first key must be weir:{p}:cursor')
    end
    return prefix
end

-- Redis' clock in seconds: all hosts share it.
local function now_s()
    return tonumber(redis.call('TIME')[1])
end

-- Lua's stack holds some thousands of values: a long list goes to a command in slices.
local function in_slices(list, call)
    local SLICE = 1000
    for first = 1, #list, SLICE do
        call(unpack(list, first, math.min(first + SLICE - 1, #list)))
    end
end
--[[ weir_state: where a partition stands.
KEYS    1 cursor  HASH
RETURNS {cursor id, watermark ms, horizon s, newest ms, now ms, definitions version}, all as strings
COST    O(1) ]]
local function state_of(cursor_key)
    local held = redis.call('HMGET', cursor_key, 'id', 'watermark', 'horizon', 'newest', 'definitions')
    local time = redis.call('TIME')
    local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
    -- One-second buckets expire by the clock even if nothing moves the horizon: it has moved all the same.
    local horizon = math.max(tonumber(held[3] or 0), tonumber(time[1]) - FINE_LIFE_S)
    return {
        held[1] or '0-0', held[2] or '0', string.format('%d', horizon), held[4] or '0', string.format('%d', now_ms),
        held[5] or '0',
    }
end

local function weir_state(keys)
    prefix_of(keys[1])
    return state_of(keys[1])
end
--[[ weir_append: put the events of requests on the log, those under a key that was used before left out.
KEYS    1 cursor  HASH   2 events  STREAM   3… once  STRING  {p}:once:<key>, one for each group with a key, in order
ARGS    1 ttl_ms  how long a key is remembered, > 0
        then for each group: has_key 0|1, fingerprint string, received ms, answer string, n entries,
        then n times: count of events, NDJSON
RETURNS for each group: 'OK' | answer of the request that used the key first, after 'DUPLICATE ' | 'CONFLICT'
ERRORS  'ARGS …', and 'OOM …' where Redis is full; nothing was written
COST    O(entries) ]]
local function weir_append(keys, args)
    local prefix, cursor, events = prefix_of(keys[1]), keys[1], keys[2]
    local ttl_ms = uint(args[1], 'ttl_ms')
    if ttl_ms == 0 then fail('ttl_ms must be above 0') end
    local groups, outcomes, first_of = {}, {}, {}
    local at, next_key = 2, 3
    while at <= #args do
        local group = { fingerprint = args[at + 1], received = args[at + 2], answer = args[at + 3], first = at + 5 }
        group.n = uint(args[at + 4], 'n')
        uint(group.received, 'received')
        for entry = 1, group.n do uint(args[group.first + entry * 2 - 2], 'count') end
        if #args < group.first + group.n * 2 - 1 then fail('entries are missing') end
        local outcome = 'OK'
        if args[at] == '1' then
            group.once = keys[next_key] or fail('a key is missing')
            next_key = next_key + 1
            local known = redis.call('GET', group.once) or first_of[group.once]
            if known then
                local fingerprint, answer = string.match(known, '^(%S*) (.*)$')
                outcome = fingerprint == group.fingerprint and 'DUPLICATE ' .. answer or 'CONFLICT'
            else
                first_of[group.once] = group.fingerprint .. ' ' .. group.answer
            end
        end
        outcomes[#outcomes + 1] = outcome
        groups[#groups + 1] = group
        at = group.first + group.n * 2
    end
    local hour = math.floor(now_s() / 3600) * 3600
    local audit = prefix .. 'audit:' .. string.format('%d', hour)
    redis.call('HLEN', audit)
    redis.call('HLEN', cursor)
    redis.call('XLEN', events)

    local duplicates, appended = 0, 0 -- writes start here
    for i, group in ipairs(groups) do
        local total = 0
        for entry = 1, group.n do
            local count = tonumber(args[group.first + entry * 2 - 2])
            total = total + count
            if outcomes[i] == 'OK' then
                local upto = redis.call('HINCRBY', cursor, 'appended', count)
                redis.call('XADD', events, '*', 'batch', args[group.first + entry * 2 - 1],
                    'received', group.received, 'count', count, 'upto', upto)
            end
        end
        if outcomes[i] == 'OK' then
            appended = appended + total
            if group.once then redis.call('SET', group.once, first_of[group.once], 'PX', ttl_ms) end
        elseif outcomes[i] ~= 'CONFLICT' then
            duplicates = duplicates + total
        end
    end
    if appended > 0 then redis.call('HINCRBY', audit, 'appended', appended) end
    if duplicates > 0 then redis.call('HINCRBY', audit, 'duplicate', duplicates) end
    redis.call('EXPIRE', audit, AUDIT_EXPIRY_S)
    return outcomes
end
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
--[[ weir_read: buckets of some series in one state of the partition.
KEYS    1 cursor  HASH; b1 and b10 hashes are derived from its prefix
ARGS    1 resolution 1|10   2 from s   3 to s, not included   4… series numbers, at most 500
RETURNS {state as weir_state, {number, second, record, …}}, in no order that matters
ERRORS  'ARGS …'
COST    O(series * buckets in the range); for ten minutes that are long over O(series that have them) ]]
local function weir_read(keys, args)
    local prefix = prefix_of(keys[1])
    local resolution, from, to = uint(args[1], 'resolution'), uint(args[2], 'from'), uint(args[3], 'to')
    if resolution ~= 1 and resolution ~= 10 then fail('resolution must be 1 or 10') end
    if #args > 503 then fail('at most 500 series') end
    local family = resolution == 1 and 'b1:' or 'b10:'
    local length = resolution == 1 and FINE_CHUNK_S or COARSE_CHUNK_S
    local found, numbers = {}, {}
    for i = 4, #args do numbers[#numbers + 1] = args[i] end
    local function add(number, second, record)
        local last = #found
        found[last + 1], found[last + 2], found[last + 3] = number, string.format('%d', second), record
    end
    -- Ten minutes that are long over are looked up in their chunk set, which costs one command for all series; but not once
    -- they may be retired, when series leave the set and their hashes stay for whoever planned to read them.
    local recent = now_s() - COARSE_EXPIRY_S - COARSE_CHUNK_S
    local settled = tonumber(redis.call('HGET', keys[1], 'settled') or -1)
    for chunk = from - from % length, to - 1, length do
        local name = string.format('%d', chunk)
        local first, last = math.max(from, chunk), math.min(to, chunk + length)
        first = first - first % resolution
        local fields
        if (last - first) * 2 < length then
            fields = {}
            for second = first, last - 1, resolution do fields[#fields + 1] = second - chunk end
        end
        local is_there
        if #numbers > 0 and resolution == 10 and chunk < recent and chunk > settled then
            is_there = redis.call('SMISMEMBER', prefix .. 'chunk:' .. name, unpack(numbers))
        end
        for i, number in ipairs(numbers) do
            if not is_there or is_there[i] == 1 then
                local key = prefix .. family .. number .. ':' .. name
                if fields then
                    local records = redis.call('HMGET', key, unpack(fields))
                    for place = 1, #fields do
                        if records[place] then add(number, chunk + fields[place], records[place]) end
                    end
                else
                    local all = redis.call('HGETALL', key)
                    for place = 1, #all, 2 do
                        local second = tonumber(all[place])
                        if second and chunk + second >= first and chunk + second < last then
                            add(number, chunk + second, all[place + 1])
                        end
                    end
                end
            end
        end
    end
    return { state_of(keys[1]), found }
end
--[[ weir_partials: a minute of some series, as history needs it, in one state of the partition.
KEYS    1 cursor  HASH; dirty and b10 hashes are derived from its prefix
ARGS    1 minute s   2… series numbers, at most 500
RETURNS {cursor id, {number, version, generation, up to 6 records}, …}; series that are not dirty are left out
ERRORS  'ARGS …'
COST    O(series) ]]
local function weir_partials(keys, args)
    local prefix = prefix_of(keys[1])
    local minute = uint(args[1], 'minute')
    if #args > 501 then fail('at most 500 series') end
    local chunk = minute - minute % COARSE_CHUNK_S
    local fields = { 'g' }
    for second = minute, minute + 50, 10 do fields[#fields + 1] = second - chunk end
    local found = { redis.call('HGET', keys[1], 'id') or '0-0' }
    if #args == 1 then return found end
    local versions = redis.call('HMGET', prefix .. 'dirty:' .. args[1], unpack(args, 2))
    for i = 2, #args do
        if versions[i - 1] then
            local held = redis.call('HMGET', prefix .. 'b10:' .. args[i] .. ':' .. string.format('%d', chunk), unpack(fields))
            local partial = { args[i], versions[i - 1], held[1] or versions[i - 1] }
            for place = 2, #fields do
                if held[place] then partial[#partial + 1] = held[place] end
            end
            found[#found + 1] = partial
        end
    end
    return found
end

--[[ weir_settle: forget that minutes changed, where they have not changed again since they were read.
KEYS    1 cursor  HASH   2 live  STREAM; dirty hashes are derived from the prefix
ARGS    minute s, series number, version read; at most 5,000 times
RETURNS how many were forgotten
ERRORS  'ARGS …'
COST    O(arguments) ]]
local function weir_settle(keys, args)
    local prefix, live = prefix_of(keys[1]), keys[2]
    if #args > 15000 then fail('at most 5,000 at a time') end
    count_of(args, 3, 'arguments')
    local low, high
    for i = 1, #args, 3 do
        local minute = uint(args[i], 'minute')
        stream_id(args[i + 2], 'version')
        low, high = math.min(low or minute, minute), math.max(high or minute, minute)
    end
    redis.call('ZCARD', prefix .. 'minutes')
    redis.call('XLEN', live)

    local settled, touched = 0, {}
    for i = 1, #args, 3 do -- writes start here
        local dirty = prefix .. 'dirty:' .. args[i]
        if redis.call('HGET', dirty, args[i + 1]) == args[i + 2] then
            redis.call('HDEL', dirty, args[i + 1])
            settled = settled + 1
            touched[args[i]] = dirty
        end
    end
    for minute, dirty in pairs(touched) do
        if redis.call('EXISTS', dirty) == 0 then redis.call('ZREM', prefix .. 'minutes', minute) end
    end
    if settled > 0 then
        local at = redis.call('HMGET', keys[1], 'id', 'newest', 'definitions')
        redis.call('XADD', live, 'MAXLEN', '~', LIVE_MAX_ENTRIES, '*', 'from', at[1] or '0-0', 'to', at[1] or '0-0',
            'newest', at[2] or '0', 'definitions', at[3] or '0',
            'settled', string.format('%d %d', low * 1000, (high + 60) * 1000))
    end
    return settled
end

--[[ weir_advance: say that every minute before the watermark has been compacted once.
KEYS    1 cursor  HASH
ARGS    1 watermark ms; it never moves back
RETURNS the watermark now
COST    O(1) ]]
local function weir_advance(keys, args)
    prefix_of(keys[1])
    local watermark = uint(args[1], 'watermark')
    local held = tonumber(redis.call('HGET', keys[1], 'watermark') or 0)
    if watermark > held then
        redis.call('HSET', keys[1], 'watermark', string.format('%d', watermark))
        held = watermark
    end
    return held
end

--[[ weir_retire: let ten-second buckets expire whose ten minutes are over and compacted.
KEYS    1 cursor  HASH; the chunk sets and b10 hashes are derived from its prefix
ARGS    1 limit  hashes at most, 1..5000
RETURNS 1 where more could be done at once, else 0
COST    O(limit) ]]
local function weir_retire(keys, args)
    local prefix, cursor = prefix_of(keys[1]), keys[1]
    local limit = uint(args[1], 'limit')
    if limit < 1 or limit > 5000 then fail('limit must be 1 to 5000') end
    local held = redis.call('HMGET', cursor, 'watermark', 'settled')
    local watermark_s = math.floor(tonumber(held[1] or 0) / 1000)
    local due = redis.call('ZRANGEBYSCORE', prefix .. 'chunks', '-inf', watermark_s - COARSE_CHUNK_S, 'LIMIT', 0, 1000)
    for _, due_chunk in ipairs(due) do
        local chunk = tonumber(due_chunk)
        local is_dirty = false
        for minute = chunk, chunk + COARSE_CHUNK_S - 60, 60 do
            is_dirty = is_dirty or redis.call('EXISTS', prefix .. 'dirty:' .. string.format('%d', minute)) == 1
        end
        if not is_dirty then
            local numbers = redis.call('SPOP', prefix .. 'chunk:' .. due_chunk, limit) -- writes start here
            local expiry = math.max(chunk + COARSE_CHUNK_S + COARSE_EXPIRY_S, now_s() + 600)
            for _, number in ipairs(numbers) do
                redis.call('EXPIREAT', prefix .. 'b10:' .. number .. ':' .. due_chunk, expiry)
            end
            if chunk > tonumber(held[2] or -1) then redis.call('HSET', cursor, 'settled', due_chunk) end
            if redis.call('EXISTS', prefix .. 'chunk:' .. due_chunk) == 0 then
                redis.call('ZREM', prefix .. 'chunks', due_chunk)
            end
            return 1
        end
    end
    return 0
end
--[[ weir_version: RETURNS this library's version, 'major.minor'. ]]
redis.register_function { function_name = 'weir_version', callback = function() return VERSION end, flags = { 'no-writes' } }
redis.register_function { function_name = 'weir_state', callback = weir_state, flags = { 'no-writes' } }
redis.register_function { function_name = 'weir_read', callback = weir_read, flags = { 'no-writes' } }
redis.register_function { function_name = 'weir_partials', callback = weir_partials, flags = { 'no-writes' } }
redis.register_function { function_name = 'weir_append', callback = weir_append }
redis.register_function { function_name = 'weir_define', callback = weir_define }
-- These make room, or keep what was accepted: a full Redis must not refuse them.
redis.register_function { function_name = 'weir_apply', callback = weir_apply, flags = { 'allow-oom' } }
redis.register_function { function_name = 'weir_lease', callback = weir_lease, flags = { 'allow-oom' } }
redis.register_function { function_name = 'weir_settle', callback = weir_settle, flags = { 'allow-oom' } }
redis.register_function { function_name = 'weir_advance', callback = weir_advance, flags = { 'allow-oom' } }
redis.register_function { function_name = 'weir_retire', callback = weir_retire, flags = { 'allow-oom' } }
