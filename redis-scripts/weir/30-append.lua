--[[ weir_append: put the events of requests on the log, those under a key that was used before left out.
KEYS    1 cursor  HASH   2 events  STREAM   3… once  STRING  {p}:once:<key>, one for each group with a key, in order
ARGS    1 ttl_ms  how long a key is remembered, > 0
        then for each group: kind 0|1|2, fingerprint string, received ms, answer string, limit ms, n entries,
        then n times: count of events, NDJSON
        kind 0 has no key. 1 has one, and is appended only before `limit` by Redis' clock; 0 is no limit. 2 is looked up
        only, and only from `limit` on, by which time nobody can append it here any more; its NDJSON may be empty
RETURNS for each group: 'OK' | answer of the request that used the key first, after 'DUPLICATE ' | 'CONFLICT' |
        'MOVED' kind 1 at or after its limit | 'NONE' kind 2 not found | 'EARLY' kind 2 before its limit; these three
        wrote nothing
ERRORS  'ARGS …', and 'OOM …' where Redis is full; nothing was written
COST    O(entries) ]]
local function weir_append(keys, args)
    local prefix, cursor, events = prefix_of(keys[1]), keys[1], keys[2]
    local ttl_ms = uint(args[1], 'ttl_ms')
    if ttl_ms == 0 then fail('ttl_ms must be above 0') end
    local groups, outcomes, first_of, now = {}, {}, {}, now_ms()
    local at, next_key = 2, 3
    while at <= #args do
        local kind = args[at]
        local group = { fingerprint = args[at + 1], received = args[at + 2], answer = args[at + 3], first = at + 6 }
        local limit = uint(args[at + 4], 'limit')
        group.n = uint(args[at + 5], 'n')
        group.hour = hour_of(uint(group.received, 'received'))
        for entry = 1, group.n do uint(args[group.first + entry * 2 - 2], 'count') end
        if #args < group.first + group.n * 2 - 1 then fail('entries are missing') end
        local outcome = 'OK'
        if kind == '1' or kind == '2' then
            group.once = keys[next_key] or fail('a key is missing')
            next_key = next_key + 1
            local known = redis.call('GET', group.once) or first_of[group.once]
            if kind == '1' and limit > 0 and now >= limit then
                outcome = 'MOVED'
            elseif kind == '2' and now < limit then
                outcome = 'EARLY'
            elseif known then
                local fingerprint, answer = string.match(known, '^(%S*) (.*)$')
                outcome = fingerprint == group.fingerprint and 'DUPLICATE ' .. answer or 'CONFLICT'
                group.is_duplicate = outcome ~= 'CONFLICT'
            elseif kind == '2' then
                outcome = 'NONE'
            else
                first_of[group.once] = group.fingerprint .. ' ' .. group.answer
            end
        elseif kind ~= '0' then
            fail('kind must be 0, 1 or 2')
        end
        outcomes[#outcomes + 1] = outcome
        groups[#groups + 1] = group
        at = group.first + group.n * 2
    end
    for _, group in ipairs(groups) do redis.call('HLEN', audit_key(prefix, group.hour)) end
    redis.call('HLEN', cursor)
    redis.call('XLEN', events)

    for i, group in ipairs(groups) do -- writes start here
        local total = 0
        for entry = 1, group.n do
            local count = tonumber(args[group.first + entry * 2 - 2])
            total = total + count
            if outcomes[i] == 'OK' then
                local upto = redis.call('HINCRBY', cursor, 'appended', count)
                redis.call('XADD', events, '*', 'batch', args[group.first + entry * 2 - 1],
                    'received', group.received, 'count', count, 'upto', upto)
            end
        end
        if outcomes[i] == 'OK' then
            book(prefix, group.hour, 'appended', total)
            if group.once then redis.call('SET', group.once, first_of[group.once], 'PX', ttl_ms) end
        elseif group.is_duplicate then
            book(prefix, group.hour, 'duplicate', total)
            redis.call('HINCRBY', cursor, 'duplicate', total)
        end
    end
    return outcomes
end
