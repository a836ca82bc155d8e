--[[ weir_partials: changed minutes of some series, as history needs them, in one state of the partition.
KEYS    1 cursor  HASH; dirty and b10 hashes are derived from its prefix
ARGS    1 first minute s   2 minutes, 1..10, all within the same ten   3 sets to read too, as in u4,t5, or ''
        4… series numbers, at most 2,000 for one minute, for ten 200
RETURNS {cursor id, {{number, generation, minute s, version, record, minute s, version, record, …}, …},
        {number, minute, set, content, …}}: minutes that are not dirty are left out; contents as in weir_read
ERRORS  'ARGS …'
COST    O(series * minutes) ]]
local function weir_partials(keys, args)
    local prefix = prefix_of(keys[1])
    local first, minutes = uint(args[1], 'minute'), uint(args[2], 'minutes')
    local chunk = first - first % COARSE_CHUNK_S
    local last = first + (minutes - 1) * 60
    if minutes < 1 or last >= chunk + COARSE_CHUNK_S then fail('minutes must lie within the same ten') end
    if (#args - 3) * minutes > 2000 then fail('at most 2,000 minutes of series') end
    local sets = sets_of(args[3], prefix)
    local cursor, found, found_sets = redis.call('HGET', keys[1], 'id') or '0-0', {}, {}
    if #args == 3 then return { cursor, found, found_sets } end
    local call, texts, versions, fields = redis.call, {}, {}, { 'g' }
    for place = 1, minutes do
        local minute = first + (place - 1) * 60
        texts[place] = string.format('%d', minute)
        versions[place] = call('HMGET', prefix .. 'dirty:' .. texts[place], unpack(args, 4))
        for second = minute - chunk, minute - chunk + 50, 10 do fields[#fields + 1] = second end
    end
    local start, finish = prefix .. 'b10:', ':' .. string.format('%d', chunk)
    for i = 4, #args do
        local held, partial
        for place = 1, minutes do
            local version = versions[place][i - 3]
            if version then
                if not held then
                    held = call('HMGET', start .. args[i] .. finish, unpack(fields))
                    partial = { args[i], held[1] or version }
                end
                -- Records one behind the other are one.
                local at, n = place * 6 - 4, #partial
                partial[n + 1], partial[n + 2] = texts[place], version
                partial[n + 3] = (held[at] or '') .. (held[at + 1] or '') .. (held[at + 2] or '') .. (held[at + 3] or '')
                    .. (held[at + 4] or '') .. (held[at + 5] or '')
                if sets[1] then add_sets(found_sets, sets, prefix, args[i], first + (place - 1) * 60) end
            end
        end
        if partial then found[#found + 1] = partial end
    end
    return { cursor, found, found_sets }
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

    local numbers_of, versions_of = {}, {}
    for i = 1, #args, 3 do
        local numbers = numbers_of[args[i]]
        if not numbers then
            numbers = {}
            numbers_of[args[i]], versions_of[args[i]] = numbers, {}
        end
        numbers[#numbers + 1] = args[i + 1]
        versions_of[args[i]][#numbers] = args[i + 2]
    end
    local unchanged_of = {}
    for minute, numbers in pairs(numbers_of) do
        local held, versions, unchanged = redis.call('HMGET', prefix .. 'dirty:' .. minute, unpack(numbers)), versions_of[minute], {}
        for place = 1, #numbers do
            if held[place] == versions[place] then unchanged[#unchanged + 1] = numbers[place] end
        end
        unchanged_of[minute] = unchanged
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
