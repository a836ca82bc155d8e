--[[ weir_books: the books of a partition, in one state of it.
KEYS    1 cursor  HASH   2 events  STREAM; audit hashes are derived from the prefix
ARGS    hours  seconds since 1970, at most 2,000
RETURNS {state as weir_state,
         {appended, upto, foreign, applied, late, refused, missing, duplicate}  events since the partition began, as strings,
         {entries applied, entries ever added, entries waiting}  waiting is counted up to 10,000,
         {hour, appended, applied, late, refused, missing, duplicate, …}  for each hour that has any}
         The books balance where upto + foreign = applied + late + refused + missing, and missing is 0.
ERRORS  'ARGS …'
COST    O(hours + entries waiting) ]]
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
        local id = redis.call('HGET', cursor, 'id') or '0-0'
        waiting = #redis.call('XRANGE', events, '(' .. id, '+', 'COUNT', 10000)
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
