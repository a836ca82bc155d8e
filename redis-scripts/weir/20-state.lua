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
