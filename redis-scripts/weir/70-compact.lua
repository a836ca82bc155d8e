--[[ weir_partials: a minute of some series, as history needs it, in one state of the partition.
KEYS    1 cursor  HASH; dirty and b10 hashes are derived from its prefix
ARGS    1 minute s   2 sets to read too, as in u4,t5, or ''   3… series numbers, at most 500
RETURNS {cursor id, {number, version, generation, {up to 6 records}, {set, content, …}}, …}; series that are not dirty are
        left out; contents as in weir_read
ERRORS  'ARGS …'
COST    O(series) ]]
local function weir_partials(keys, args)
    local prefix = prefix_of(keys[1])
    local minute = uint(args[1], 'minute')
    if #args > 502 then fail('at most 500 series') end
    local chunk = minute - minute % COARSE_CHUNK_S
    local fields = { 'g' }
    for second = minute, minute + 50, 10 do fields[#fields + 1] = second - chunk end
    local found = { redis.call('HGET', keys[1], 'id') or '0-0' }
    local sets = sets_of(args[2], prefix)
    if #args == 2 then return found end
    local versions = redis.call('HMGET', prefix .. 'dirty:' .. args[1], unpack(args, 3))
    for i = 3, #args do
        if versions[i - 2] then
            local held = redis.call('HMGET', prefix .. 'b10:' .. args[i] .. ':' .. string.format('%d', chunk), unpack(fields))
            local records, found_sets, contents = {}, {}, {}
            for place = 2, #fields do
                if held[place] then records[#records + 1] = held[place] end
            end
            add_sets(found_sets, sets, prefix, args[i], minute)
            for place = 3, #found_sets, 4 do
                contents[#contents + 1] = found_sets[place]
                contents[#contents + 1] = found_sets[place + 1]
            end
            found[#found + 1] = { args[i], versions[i - 2], held[1] or versions[i - 2], records, contents }
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
