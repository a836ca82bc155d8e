--[[ bench_merge, bench_append, bench_replace: what of weir_apply depends on the way, and nothing else. Cursor, buckets of
both resolutions, live stream; all reads before the first write.

KEYS    1 cursor  HASH   2 live  STREAM; the buckets are derived from the prefix of the first
ARGS    1 from   2 to   3 changes, msgpack: number, second, slot, delta … (replace: number, second, slot, fine, coarse …)
        4 replace only: what goes to the live stream; the others send the changes on
RETURNS 'OK' | 'STALE'
COST    O(buckets) ]]
local FINE_CHUNK_S = 120
local COARSE_CHUNK_S = 600
local FOLD_PAST_BYTES = 256

local function begin(keys, args)
    local prefix = string.match(keys[1], '^(.*)cursor$')
    local changes = cmsgpack.unpack(args[3])
    if (redis.call('HGET', keys[1], 'id') or '0-0') ~= args[1] then return nil end
    return changes, prefix .. 'b1:', prefix .. 'b10:'
end

local function finish(keys, args, live)
    redis.call('HSET', keys[1], 'id', args[2])
    redis.call('XADD', keys[2], 'MAXLEN', '~', '2000', '*', 'from', args[1], 'to', args[2], 'delta', live)
    return 'OK'
end

-- The rests of the key and the field of a second; a batch has few seconds and many series.
local function places(chunk_s)
    local known = {}
    return function(second)
        local place = known[second]
        if not place then
            local offset = second % chunk_s
            place = { string.format(':%d', second - offset), string.format('%d', offset) }
            known[second] = place
        end
        return place[1], place[2]
    end
end

local function merge_into(keys, args, merged)
    local changes, fine, coarse = begin(keys, args)
    if not changes then return 'STALE' end
    local fine_place, coarse_place = places(FINE_CHUNK_S), places(COARSE_CHUNK_S)
    local writes, n = {}, 0
    local function add(key, field, delta)
        local stored = redis.call('HGET', key, field)
        writes[n + 1], writes[n + 2], writes[n + 3] = key, field, stored and merged(stored .. delta) or delta
        n = n + 3
    end
    for i = 1, #changes, 4 do
        local number, delta = changes[i], changes[i + 3]
        local chunk, field = fine_place(changes[i + 1])
        add(fine .. number .. chunk, field, delta)
        chunk, field = coarse_place(changes[i + 2])
        add(coarse .. number .. chunk, field, delta)
    end
    for i = 1, n, 3 do redis.call('HSET', writes[i], writes[i + 1], writes[i + 2]) end -- writes start here
    return finish(keys, args, args[3])
end

local function bench_merge(keys, args) return merge_into(keys, args, fold) end

local function bench_append(keys, args)
    return merge_into(keys, args, function(text) return #text > FOLD_PAST_BYTES and fold(text) or text end)
end

local function bench_replace(keys, args)
    local changes, fine, coarse = begin(keys, args)
    if not changes then return 'STALE' end
    local fine_place, coarse_place = places(FINE_CHUNK_S), places(COARSE_CHUNK_S)
    for i = 1, #changes, 5 do -- writes start here
        local number = changes[i]
        local chunk, field = fine_place(changes[i + 1])
        redis.call('HSET', fine .. number .. chunk, field, changes[i + 3])
        chunk, field = coarse_place(changes[i + 2])
        redis.call('HSET', coarse .. number .. chunk, field, changes[i + 4])
    end
    return finish(keys, args, args[4])
end

redis.register_function('bench_merge', bench_merge)
redis.register_function('bench_append', bench_append)
redis.register_function('bench_replace', bench_replace)
