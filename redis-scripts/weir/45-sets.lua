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
