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
