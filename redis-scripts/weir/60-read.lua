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
