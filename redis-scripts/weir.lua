#!lua name=weir
--[[ Weir's Redis Functions: the only writers of the keys below, but for XADD to `events`, which any client may do.

All keys of a partition p share the tag {p}. Times in key names are seconds since 1970; a stream id `ms-n` is a position.

weir:{p}:events            STREAM  raw events: plain fields, or batch (NDJSON), received (ms), count, upto (running total)
weir:{p}:cursor            HASH    id (last entry applied), watermark, horizon, newest, settled, definitions; the books in all:
                                   appended, upto, foreign, applied, late, refused, missing, duplicate, entries; refused_bytes
weir:{p}:definitions       STRING  the metric definitions, JSON
weir:{p}:live              STREAM  what each applied batch added: from, to, newest, definitions, delta
weir:{p}:series            HASH    series number -> ["group",{"label":"value",...}]
weir:{p}:b1:<s>:<120 s>    HASH    second within the two minutes -> record
weir:{p}:b10:<s>:<600 s>   HASH    second within the ten minutes, in tens -> record; g -> generation;
                                   d<metric>.<minute within> -> events whose top item was dropped
weir:{p}:hll:<s>:<metric>:<minute>  STRING  HyperLogLog of a metric's values; lives and dies with its b10 hash
weir:{p}:top:<s>:<metric>:<minute>  ZSET    items -> events; lives and dies with its b10 hash
weir:{p}:minutes           ZSET    minutes with changed series
weir:{p}:dirty:<minute>    HASH    series -> id of the last entry of the batch that changed it
weir:{p}:chunks            ZSET    ten minutes whose b10 hashes have no expiry yet
weir:{p}:chunk:<600 s>     SET     the series of these hashes, and the names (hll:…, top:…) that live and die with them
weir:{p}:seen              ZSET    series -> second of its last event, to the minute
weir:{p}:once:<key>        STRING  fingerprint and answer of a request with an Idempotency-Key, expiring
weir:{p}:refused           STREAM  what could not be applied: entry, reason, received, then the fields it had
weir:{p}:audit:<hour>      HASH    the books of an hour of receipt: appended, applied, duplicate, late, refused, missing (events)
weir:{p}:lease             STRING  the worker at work, expiring
weir:{0}:partitions        STRING  how many partitions there are; never fewer than there were
weir:{0}:layout            HASH    count -> ms from which requests with a key go by it; life -> ms that keys live
weir:{0}:workers           ZSET    workers -> ms until which they count as alive

Records are opaque here: the worker holds the state of its partition at the cursor, so it sends whole new values, and the
compare-and-set on the cursor proves that nobody changed them meanwhile (docs/architecture.md, "Replacing beats merging"). ]]

-- Major: other versions cannot work side by side. Minor: a worker may meet one newer than its own.
local VERSION = '3.2'
local MAJOR = 3 -- of VERSION; nothing can be computed while a library is loaded

local FINE_CHUNK_S = 120    -- at most 120 fields: small ones stay a listpack
local COARSE_CHUNK_S = 600
local FINE_LIFE_S = 1200    -- one-second buckets are written for this long after their second
local FINE_EXPIRY_S = 1260  -- and kept for this long after the end of their hash
local COARSE_EXPIRY_S = 4800
local LIVE_LIFE_MS = 10000  -- a front that was away for longer reads everything anew
local LIVE_MAX_ENTRIES = 2000
local REFUSED_MAX_ENTRIES = 10000
local REFUSED_MAX_BYTES = 16777216
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

local function now_ms()
    local time = redis.call('TIME')
    return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
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
RETURNS {cursor id, watermark ms, horizon s, newest ms, now ms, definitions version, the oldest minute (s) that changed and is not
        compacted since, empty where there is none}, all as strings
COST    O(1) ]]
local function state_of(cursor_key)
    local held = redis.call('HMGET', cursor_key, 'id', 'watermark', 'horizon', 'newest', 'definitions')
    local time = redis.call('TIME')
    local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
    -- One-second buckets expire by the clock even if nothing moves the horizon: it has moved all the same.
    local horizon = math.max(tonumber(held[3] or 0), tonumber(time[1]) - FINE_LIFE_S)
    return {
        held[1] or '0-0', held[2] or '0', string.format('%d', horizon), held[4] or '0', string.format('%d', now_ms),
        held[5] or '0', redis.call('ZRANGE', prefix_of(cursor_key) .. 'minutes', 0, 0)[1] or '',
    }
end

local function weir_state(keys)
    prefix_of(keys[1])
    return state_of(keys[1])
end

-- The books: events by hour of receipt, and in all. They move in the same steps as what they count.
local BOOKS = { 'appended', 'applied', 'late', 'refused', 'missing', 'duplicate' }

local function hour_of(ms)
    local s = math.floor(ms / 1000)
    return string.format('%d', s - s % 3600)
end

local function audit_key(prefix, hour)
    return prefix .. 'audit:' .. hour
end

local function book(prefix, hour, field, events)
    if events == 0 then return end
    local audit = audit_key(prefix, hour)
    redis.call('HINCRBY', audit, field, events)
    redis.call('EXPIRE', audit, AUDIT_EXPIRY_S)
end
--[[ weir_append: put the events of requests on the log, those under a key that was used before left out.
KEYS    1 cursor  HASH   2 events  STREAM   3… once  STRING  {p}:once:<key>, one for each group with a key, in order
ARGS    1 ttl_ms  how long a key is remembered, > 0
        then for each group: kind 0|1|2, fingerprint string, received ms, answer string, limit ms, n entries,
        then n times: count of events, NDJSON
        kind 0 has no key. 1 has one, and is appended only before `limit` by Redis' clock; 0 is no limit. 2 is looked up
        only, and only from `limit` on, by which time nobody can append it here any more; its NDJSON may be empty
RETURNS for each group: 'OK' | answer of the request that used the key first, after 'DUPLICATE ' | 'CONFLICT' |
        'MOVED' kind 1 at or after its limit | 'NONE' kind 2 not found | 'EARLY' kind 2 before its limit; these three
        wrote nothing
ERRORS  'ARGS …', and 'OOM …' where Redis is full; nothing was written
COST    O(entries) ]]
local function weir_append(keys, args)
    local prefix, cursor, events = prefix_of(keys[1]), keys[1], keys[2]
    local ttl_ms = uint(args[1], 'ttl_ms')
    if ttl_ms == 0 then fail('ttl_ms must be above 0') end
    local groups, outcomes, first_of, now = {}, {}, {}, now_ms()
    local at, next_key = 2, 3
    while at <= #args do
        local kind = args[at]
        local group = { fingerprint = args[at + 1], received = args[at + 2], answer = args[at + 3], first = at + 6 }
        local limit = uint(args[at + 4], 'limit')
        group.n = uint(args[at + 5], 'n')
        group.hour = hour_of(uint(group.received, 'received'))
        for entry = 1, group.n do uint(args[group.first + entry * 2 - 2], 'count') end
        if #args < group.first + group.n * 2 - 1 then fail('entries are missing') end
        local outcome = 'OK'
        if kind == '1' or kind == '2' then
            group.once = keys[next_key] or fail('a key is missing')
            next_key = next_key + 1
            local known = redis.call('GET', group.once) or first_of[group.once]
            if kind == '1' and limit > 0 and now >= limit then
                outcome = 'MOVED'
            elseif kind == '2' and now < limit then
                outcome = 'EARLY'
            elseif known then
                local fingerprint, answer = string.match(known, '^(%S*) (.*)$')
                outcome = fingerprint == group.fingerprint and 'DUPLICATE ' .. answer or 'CONFLICT'
                group.is_duplicate = outcome ~= 'CONFLICT'
            elseif kind == '2' then
                outcome = 'NONE'
            else
                first_of[group.once] = group.fingerprint .. ' ' .. group.answer
            end
        elseif kind ~= '0' then
            fail('kind must be 0, 1 or 2')
        end
        outcomes[#outcomes + 1] = outcome
        groups[#groups + 1] = group
        at = group.first + group.n * 2
    end
    for _, group in ipairs(groups) do redis.call('HLEN', audit_key(prefix, group.hour)) end
    redis.call('HLEN', cursor)
    redis.call('XLEN', events)

    for i, group in ipairs(groups) do -- writes start here
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
            book(prefix, group.hour, 'appended', total)
            if group.once then redis.call('SET', group.once, first_of[group.once], 'PX', ttl_ms) end
        elseif group.is_duplicate then
            book(prefix, group.hour, 'duplicate', total)
            redis.call('HINCRBY', cursor, 'duplicate', total)
        end
    end
    return outcomes
end
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
-- What a metric keeps of a whole minute beside its records: a HyperLogLog of values ('u'), or items with their counts ('t').
-- A set is named by its kind and its metric's number, u4 or t5; it lives and dies with the b10 hash that holds its minute.

local FAMILY_OF = { u = 'hll:', t = 'top:' }

-- 'u4,t5' -> list of { name, key start, key end }, so that a key is start .. series .. end .. minute.
local function sets_of(text, prefix)
    local sets = {}
    for name in string.gmatch(text or '', '[^,]+') do
        local kind, metric = string.match(name, '^([ut])(%d+)$')
        if not kind then fail('sets must be a list as in u4,t5') end
        sets[#sets + 1] = { name = name, kind = kind, start = prefix .. FAMILY_OF[kind], finish = ':' .. metric .. ':', metric = metric }
    end
    if #sets > 2000 then fail('at most 2,000 sets') end
    return sets
end

-- The field of a b10 hash that counts the events whose top item was dropped.
local function dropped_field(metric, minute)
    return 'd' .. metric .. '.' .. string.format('%d', minute % COARSE_CHUNK_S)
end

-- What a top key holds: {dropped, item, count, item, count, …}, the heaviest last; nil where there is none.
local function top_of(key, chunk_key, metric, minute)
    local items = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
    if #items == 0 then return nil end
    table.insert(items, 1, redis.call('HGET', chunk_key, dropped_field(metric, minute)) or '0')
    return items
end

-- Adds (series, minute, set, content) of one series and minute to `found`, for each set that is there.
local function add_sets(found, sets, prefix, number, minute)
    local minute_text = string.format('%d', minute)
    for _, set in ipairs(sets) do
        local key = set.start .. number .. set.finish .. minute_text
        local content
        if set.kind == 'u' then
            content = redis.call('GET', key)
        else
            local chunk = string.format('%d', minute - minute % COARSE_CHUNK_S)
            content = top_of(key, prefix .. 'b10:' .. number .. ':' .. chunk, set.metric, minute)
        end
        if content then
            local last = #found
            found[last + 1], found[last + 2], found[last + 3], found[last + 4] = number, minute_text, set.name, content
        end
    end
end
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
--[[ weir_partitions: how many partitions there are, made more where the caller wants more; never fewer.
A request with a key belongs to partition hash(key) mod count. When the count grows these go on by the old one until a
moment some seconds ahead, `since`, and by the new one from then on; the time between is for all fronts to hear of it.
KEYS    1 partitions  STRING   2 layout  HASH  count -> since, life
ARGS    1 at_least  0..256   2 life_ms  how long the caller's keys live; 0 where it writes none
RETURNS {'OK' | 'GREW' | 'WAIT' it has grown too often within the life of a key to grow again now,
         count, now ms, until ms (nothing that is not in this answer will hold before), life ms (the longest ever told),
         {count, since ms, …}} ascending; empty where keys have only ever gone by `count`
ERRORS  'ARGS …'; nothing was written
COST    O(1) ]]
local MOVE_WAIT_MS = 5000
local MAX_STEPS = 8 -- a front looks a key up in each

local function weir_partitions(keys, args)
    local partitions, layout = keys[1], keys[2]
    local at_least, life = uint(args[1], 'at_least'), uint(args[2], 'life_ms')
    if at_least > 256 then fail('at_least must be at most 256') end
    local count = tonumber(redis.call('GET', partitions) or 0)
    local held, steps, longest, known_life = redis.call('HGETALL', layout), {}, life, 0
    for i = 1, #held, 2 do
        if held[i] == 'life' then
            known_life = tonumber(held[i + 1])
            longest = math.max(life, known_life)
        else
            steps[#steps + 1] = { tonumber(held[i]), tonumber(held[i + 1]) }
        end
    end
    table.sort(steps, function(a, b) return a[1] < b[1] end)
    local now, outcome = now_ms(), 'OK'

    if life > known_life then redis.call('HSET', layout, 'life', life) end -- writes start here
    if at_least > count and count == 0 then
        redis.call('SET', partitions, at_least)
        count = at_least
        outcome = 'GREW'
    elseif at_least > count then
        -- What went by a count before the first step's end has expired by now.
        while #steps > 1 and steps[2][2] + longest + MOVE_WAIT_MS <= now do
            redis.call('HDEL', layout, table.remove(steps, 1)[1])
        end
        if #steps < MAX_STEPS then
            if #steps == 0 then
                steps[1] = { count, 0 }
                redis.call('HSET', layout, count, 0)
            end
            local since = math.max(now + MOVE_WAIT_MS, steps[#steps][2])
            steps[#steps + 1] = { at_least, since }
            redis.call('HSET', layout, at_least, string.format('%d', since))
            redis.call('SET', partitions, at_least)
            count = at_least
            outcome = 'GREW'
        else
            outcome = 'WAIT'
        end
    end
    local flat = {}
    for _, step in ipairs(steps) do
        flat[#flat + 1] = step[1]
        flat[#flat + 1] = step[2]
    end
    return { outcome, count, now, now + MOVE_WAIT_MS, longest, flat }
end
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
--[[ weir_read: buckets of some series in one state of the partition.
KEYS    1 cursor  HASH; b1 and b10 hashes are derived from its prefix
ARGS    1 resolution 1|10   2 from s   3 to s, not included   4 sets to read too, as in u4,t5, or ''
        5… series numbers, at most 500
RETURNS {state as weir_state, {number, second, record, …}, {number, minute, set, content, …}}, in no order that matters;
        the content of a set is a HyperLogLog's bytes, or {dropped, item, count, …}
ERRORS  'ARGS …'
COST    O(series * buckets in the range); for ten minutes that are long over O(series that have them) ]]
local function weir_read(keys, args)
    local prefix = prefix_of(keys[1])
    local resolution, from, to = uint(args[1], 'resolution'), uint(args[2], 'from'), uint(args[3], 'to')
    if resolution ~= 1 and resolution ~= 10 then fail('resolution must be 1 or 10') end
    if #args > 504 then fail('at most 500 series') end
    local sets = sets_of(args[4], prefix)
    local family = resolution == 1 and 'b1:' or 'b10:'
    local length = resolution == 1 and FINE_CHUNK_S or COARSE_CHUNK_S
    local found, numbers = {}, {}
    for i = 5, #args do numbers[#numbers + 1] = args[i] end
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
    local found_sets = {}
    if #sets > 0 then
        for minute = from - from % 60, to - 1, 60 do
            for _, number in ipairs(numbers) do add_sets(found_sets, sets, prefix, number, minute) end
        end
    end
    return { state_of(keys[1]), found, found_sets }
end
--[[ weir_books: the books of a partition, in one state of it.
KEYS    1 cursor  HASH   2 events  STREAM; audit hashes are derived from the prefix
ARGS    hours  seconds since 1970, at most 2,000
RETURNS {state as weir_state,
         {appended, upto, foreign, applied, late, refused, missing, duplicate}  events since the partition began, as strings,
         {entries applied, entries ever added, entries waiting},
         {hour, appended, applied, late, refused, missing, duplicate, …}  for each hour that has any}
         The books balance where upto + foreign = applied + late + refused + missing, and missing is 0.
ERRORS  'ARGS …'
COST    O(hours), and reads the applied entries that are not trimmed yet: those of one node of the stream ]]
local MAX_APPLIED_ENTRIES = 10000

local function weir_books(keys, args)
    local prefix, cursor, events = prefix_of(keys[1]), keys[1], keys[2]
    if #args > 2000 then fail('at most 2,000 hours') end
    local totals = redis.call('HMGET', cursor, 'appended', 'upto', 'foreign', 'applied', 'late', 'refused', 'missing',
        'duplicate', 'entries')
    for i = 1, 9 do totals[i] = totals[i] or '0' end
    local applied_entries = table.remove(totals, 9)
    local added, waiting = 0, 0
    if redis.call('EXISTS', events) == 1 then
        local info = redis.call('XINFO', 'STREAM', events)
        for i = 1, #info, 2 do
            if info[i] == 'entries-added' then added = info[i + 1] end
        end
        -- What waits may be millions; what is applied and still there is little.
        local id = redis.call('HGET', cursor, 'id') or '0-0'
        waiting = redis.call('XLEN', events) - #redis.call('XRANGE', events, '-', id, 'COUNT', MAX_APPLIED_ENTRIES)
    end
    local hours = {}
    for i = 1, #args do
        local hour = string.format('%d', uint(args[i], 'hour'))
        local held = redis.call('HMGET', audit_key(prefix, hour), unpack(BOOKS))
        local any = false
        for place = 1, #BOOKS do any = any or held[place] end
        if any then
            hours[#hours + 1] = hour
            for place = 1, #BOOKS do hours[#hours + 1] = held[place] or '0' end
        end
    end
    return {
        state_of(cursor), totals, { applied_entries, string.format('%d', added), string.format('%d', waiting) }, hours,
    }
end

--[[ weir_counted: what Redis holds of a series and history does not: from a boundary on everything, and before it the
minutes that have changed since they were compacted, whole. With weir_books in one MULTI it shows whether all that was
applied was counted.
KEYS    1 cursor  HASH; minutes, dirty, chunks and b10 hashes are derived from its prefix
ARGS    1 series number   2 boundary s, a whole minute: every minute before it has been compacted once
RETURNS {{record, …} of ten seconds each, {minute, generation, {record, …}, …}}
        | 'MANY' more than 2,000 hashes or 10,000 minutes would have to be read
ERRORS  'ARGS …'
COST    O(ten minutes after the boundary that hold anything + changed minutes before it): some 0.03 ms a hash, 0.01 ms a
        minute; with a compaction that keeps up 7 hashes ]]
local MAX_COUNTED_CHUNKS = 2000
local MAX_COUNTED_MINUTES = 10000

local function weir_counted(keys, args)
    local prefix = prefix_of(keys[1])
    local number, boundary = string.format('%d', uint(args[1], 'series')), uint(args[2], 'boundary')
    if boundary % 60 ~= 0 then fail('boundary must be a whole minute') end
    -- Hashes with an expiry are in no list: those from the boundary up to `settled`.
    local settled = tonumber(redis.call('HGET', keys[1], 'settled') or -1)
    local first = boundary - boundary % COARSE_CHUNK_S
    local listed = redis.call('ZRANGEBYSCORE', prefix .. 'chunks', first, '+inf', 'LIMIT', 0, MAX_COUNTED_CHUNKS + 1)
    local minutes = redis.call('ZRANGEBYSCORE', prefix .. 'minutes', '-inf', '(' .. args[2], 'LIMIT', 0,
        MAX_COUNTED_MINUTES + 1)
    if #listed > MAX_COUNTED_CHUNKS or #minutes > MAX_COUNTED_MINUTES
        or (settled - first) / COARSE_CHUNK_S > MAX_COUNTED_CHUNKS then
        return 'MANY'
    end
    local chunks = {}
    for _, chunk in ipairs(listed) do chunks[tonumber(chunk)] = true end
    for chunk = first, settled, COARSE_CHUNK_S do chunks[chunk] = true end
    local records, changed, last = {}, {}, 0
    for chunk in pairs(chunks) do
        local held = redis.call('HGETALL', prefix .. 'b10:' .. number .. ':' .. string.format('%d', chunk))
        for i = 1, #held, 2 do
            local second = tonumber(held[i]) -- the other fields are no numbers
            if second and chunk + second >= boundary then
                last = last + 1
                records[last] = held[i + 1]
            end
        end
    end
    for _, minute in ipairs(minutes) do
        if redis.call('HEXISTS', prefix .. 'dirty:' .. minute, number) == 1 then
            local offset = tonumber(minute) % COARSE_CHUNK_S
            local fields = { 'g' }
            for second = offset, offset + 50, 10 do fields[#fields + 1] = second end
            local chunk = string.format('%d', tonumber(minute) - offset)
            local held = redis.call('HMGET', prefix .. 'b10:' .. number .. ':' .. chunk, unpack(fields))
            local found = {}
            for place = 2, #fields do
                if held[place] then found[#found + 1] = held[place] end
            end
            if #found > 0 then
                changed[#changed + 1], changed[#changed + 2], changed[#changed + 3] = minute, held[1] or '0-0', found
            end
        end
    end
    return { records, changed }
end
--[[ weir_settle: forget that minutes changed, where they have not changed again since they were read.
KEYS    1 cursor  HASH   2 live  STREAM; dirty hashes are derived from the prefix
ARGS    minute s, version read, n, n series numbers; again for other minutes and versions; at most 5,000 numbers
RETURNS how many were forgotten
ERRORS  'ARGS …'
COST    O(numbers) ]]
local function weir_settle(keys, args)
    local prefix, live = prefix_of(keys[1]), keys[2]
    local low, high, total, at = nil, nil, 0, 1
    local groups = {}
    while at <= #args do
        local minute, n = uint(args[at], 'minute'), uint(args[at + 2], 'n')
        stream_id(args[at + 1], 'version')
        if n < 1 or at + 2 + n > #args then fail('series numbers are missing') end
        total = total + n
        if total > 5000 then fail('at most 5,000 at a time') end
        low, high = math.min(low or minute, minute), math.max(high or minute, minute)
        groups[#groups + 1] = { args[at], args[at + 1], at + 3, at + 2 + n }
        at = at + 3 + n
    end
    redis.call('ZCARD', prefix .. 'minutes')
    redis.call('XLEN', live)
    local unchanged_of = {}
    for _, group in ipairs(groups) do
        local unchanged = unchanged_of[group[1]] or {}
        local held = redis.call('HMGET', prefix .. 'dirty:' .. group[1], unpack(args, group[3], group[4]))
        for place = 1, #held do
            if held[place] == group[2] then unchanged[#unchanged + 1] = args[group[3] + place - 1] end
        end
        unchanged_of[group[1]] = unchanged
    end

    local settled = 0
    for minute, unchanged in pairs(unchanged_of) do -- writes start here
        if unchanged[1] then
            local dirty = prefix .. 'dirty:' .. minute
            settled = settled + redis.call('HDEL', dirty, unpack(unchanged))
            if redis.call('EXISTS', dirty) == 0 then redis.call('ZREM', prefix .. 'minutes', minute) end
        end
    end
    -- Fronts are told also where all has changed again: history has what was read, and they may keep what was there before.
    if low then
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
            local names = redis.call('SPOP', prefix .. 'chunk:' .. due_chunk, limit) -- writes start here
            local expiry = math.max(chunk + COARSE_CHUNK_S + COARSE_EXPIRY_S, now_s() + 600)
            for _, name in ipairs(names) do
                -- A series' number stands for its hash, a set for itself.
                local key = string.find(name, ':') and name or 'b10:' .. name .. ':' .. due_chunk
                redis.call('EXPIREAT', prefix .. key, expiry)
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
redis.register_function { function_name = 'weir_open', callback = weir_open, flags = { 'no-writes' } }
redis.register_function { function_name = 'weir_read', callback = weir_read, flags = { 'no-writes' } }
redis.register_function { function_name = 'weir_books', callback = weir_books, flags = { 'no-writes' } }
redis.register_function { function_name = 'weir_counted', callback = weir_counted, flags = { 'no-writes' } }
redis.register_function { function_name = 'weir_append', callback = weir_append }
redis.register_function { function_name = 'weir_retry', callback = weir_retry }
-- These make room, or keep what was accepted: a full Redis must not refuse them.
redis.register_function { function_name = 'weir_apply', callback = weir_apply, flags = { 'allow-oom' } }
redis.register_function { function_name = 'weir_define', callback = weir_define, flags = { 'allow-oom' } }
redis.register_function { function_name = 'weir_lease', callback = weir_lease, flags = { 'allow-oom' } }
redis.register_function { function_name = 'weir_workers', callback = weir_workers, flags = { 'allow-oom' } }
redis.register_function { function_name = 'weir_partitions', callback = weir_partitions, flags = { 'allow-oom' } }
redis.register_function { function_name = 'weir_settle', callback = weir_settle, flags = { 'allow-oom' } }
redis.register_function { function_name = 'weir_advance', callback = weir_advance, flags = { 'allow-oom' } }
redis.register_function { function_name = 'weir_retire', callback = weir_retire, flags = { 'allow-oom' } }
redis.register_function { function_name = 'weir_drop', callback = weir_drop, flags = { 'allow-oom' } }
