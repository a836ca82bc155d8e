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
