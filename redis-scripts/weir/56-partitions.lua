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
