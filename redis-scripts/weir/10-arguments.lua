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
