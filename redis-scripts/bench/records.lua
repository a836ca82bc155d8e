#!lua name=weirbench
--[[ Ways of bringing a batch into the packed records, to be compared by merge.py; never loaded by Weir itself.

This part: merging packed records where they are, in the format of RecordCodec.swift and SketchCodec.swift. Two records one
behind the other are a record too, so merging two is folding their concatenation.

Measured, for the bytes of a record of 100 events: a table of all bytes beats string.byte one at a time (7 : 8.4 us) and
struct.unpack by far (24 us); doubles come by struct, three at once. The names of Lua's own libraries cannot be made local up
here: they do not exist while a library is loaded. ]]

local MAX_DOUBLE = 1.7976931348623157e308
-- string.byte returns through the C stack, which holds some 8,000 values.
local SLICE = 4000

local function bytes_of(text)
    if #text <= SLICE then return { string.byte(text, 1, -1) } end
    local bytes = {}
    for first = 1, #text, SLICE do
        for i, byte in ipairs({ string.byte(text, first, math.min(first + SLICE - 1, #text)) }) do
            bytes[first + i - 1] = byte
        end
    end
    return bytes
end

local function varint(bytes, at)
    local byte = bytes[at]
    if byte < 128 then return byte, at + 1 end
    local number, scale = byte - 128, 128
    repeat
        at = at + 1
        byte = bytes[at]
        number = number + byte % 128 * scale
        scale = scale * 128
    until byte < 128
    return number, at + 1
end

local function zigzag(bytes, at)
    local number, behind = varint(bytes, at)
    if number % 2 == 0 then return number / 2, behind end
    return -(number + 1) / 2, behind
end

local function varint_text(number)
    if number < 128 then return string.char(number) end
    if number < 16384 then
        local low = number % 128
        return string.char(low + 128, (number - low) / 128)
    end
    local low = number % 128
    return string.char(low + 128) .. varint_text((number - low) / 128)
end

local function zigzag_text(number)
    return varint_text(number < 0 and -number * 2 - 1 or number * 2)
end

-- Behind the last of the bins that start at `at`.
local function skip_bins(bytes, at)
    local left, behind = varint(bytes, at)
    local _
    _, behind = varint(bytes, behind)
    for _ = 0, left do
        local head = bytes[behind]
        if head >= 128 then head, behind = varint(bytes, behind) else behind = behind + 1 end
        if head % 2 == 1 then
            if bytes[behind] >= 128 then _, behind = varint(bytes, behind) else behind = behind + 1 end
        end
    end
    return behind
end

-- Adds the bins at `at` to `counts`, index -> count.
local function count_bins(bytes, at, counts)
    local left, index, head, count
    left, at = varint(bytes, at)
    index, at = zigzag(bytes, at)
    index = index - 1
    for _ = 0, left do
        head, at = varint(bytes, at)
        count = 1
        if head % 2 == 1 then
            count, at = varint(bytes, at)
            count = count + 2
            head = head - 1
        end
        index = index + head / 2 + 1
        counts[index] = (counts[index] or 0) + count
    end
end

-- What the bins at `at` and `counts` are together. What stays as it is between two changes is copied, not coded again.
local function merged_bins(text, bytes, at, counts)
    local indices, n = {}, 0
    for index in pairs(counts) do
        n = n + 1
        indices[n] = index
    end
    if n > 1 then table.sort(indices) end
    local left, first
    left, at = varint(bytes, at)
    first, at = zigzag(bytes, at)
    local lowest = math.min(first, indices[1])
    local out, size, total = {}, 0, left + 1
    local before, index = lowest - 1, first - 1 -- the bins before, in what is written and in what is read
    local next_one, wanted = 1, indices[1]
    local kept = at                             -- what is read from here on is not written yet
    for _ = 0, left do
        local start, head = at, bytes[at]
        if head >= 128 then head, at = varint(bytes, at) else at = at + 1 end
        local more = head % 2
        index = index + (head - more) / 2 + 1
        local count_at = at
        if more == 1 then
            if bytes[at] >= 128 then _, at = varint(bytes, at) else at = at + 1 end
        end
        if wanted and wanted <= index then
            if start > kept then
                size = size + 1
                out[size] = string.sub(text, kept, start - 1)
            end
            local count = more == 1 and varint(bytes, count_at) + 2 or 1
            while wanted and wanted < index do
                local added = counts[wanted]
                size = size + 1
                out[size] = varint_text((wanted - before - 1) * 2 + (added > 1 and 1 or 0))
                if added > 1 then
                    size = size + 1
                    out[size] = varint_text(added - 2)
                end
                before, total, next_one = wanted, total + 1, next_one + 1
                wanted = indices[next_one]
            end
            if wanted == index then
                count, next_one = count + counts[wanted], next_one + 1
                wanted = indices[next_one]
            end
            size = size + 1
            out[size] = varint_text((index - before - 1) * 2 + (count > 1 and 1 or 0))
            if count > 1 then
                size = size + 1
                out[size] = varint_text(count - 2)
            end
            kept = at
        end
        before = index
    end
    if at > kept then
        size = size + 1
        out[size] = string.sub(text, kept, at - 1)
    end
    while wanted do
        local added = counts[wanted]
        size = size + 1
        out[size] = varint_text((wanted - before - 1) * 2 + (added > 1 and 1 or 0))
        if added > 1 then
            size = size + 1
            out[size] = varint_text(added - 2)
        end
        before, total, next_one = wanted, total + 1, next_one + 1
        wanted = indices[next_one]
    end
    return varint_text(total - 1) .. zigzag_text(lowest) .. table.concat(out, '', 1, size)
end

-- Bins at any of `places` as one list of bins; the first place holds the most.
local function bins_text(text, bytes, places)
    if #places == 1 then return string.sub(text, places[1], skip_bins(bytes, places[1]) - 1) end
    local counts = {}
    for i = 2, #places do count_bins(bytes, places[i], counts) end
    return merged_bins(text, bytes, places[1], counts)
end

-- Reads the section at `at` into what is known of its metric; returns what is behind it.
local function read_section(text, bytes, at, metrics, order)
    local start = at
    local metric, flags, count
    metric, at = varint(bytes, at)
    flags, at = bytes[at], at + 1
    count, at = varint(bytes, at)
    local sum = metrics[metric]
    if not sum then
        -- All fields at once: a table that grows field by field is made anew four times.
        sum = {
            count = 0, hits = 0, zero = 0, sections = 0, first = start, behind = 0, sum = false, low = false, high = false,
            time = false, last = false, negative = false, positive = false,
        }
        metrics[metric] = sum
        order[#order + 1] = metric
    end
    sum.sections = sum.sections + 1
    sum.count = sum.count + count
    if flags % 8 >= 4 then
        local hits
        hits, at = varint(bytes, at)
        sum.hits = sum.hits + hits
    end
    local kind, value, low, high = flags % 4, nil, nil, nil
    if kind == 3 then
        value, low, high, at = struct.unpack('<ddd', text, at)
    elseif kind > 0 then
        value, at = struct.unpack('<d', text, at)
        if kind == 1 then low, high = value, value end
    end
    if value then sum.sum = math.max(-MAX_DOUBLE, math.min(MAX_DOUBLE, (sum.sum or 0) + value)) end
    if low then
        sum.low = math.min(sum.low or low, low)
        sum.high = math.max(sum.high or high, high)
    end
    if flags % 16 >= 8 then
        local time, last
        time, at = zigzag(bytes, at)
        last = value
        if kind ~= 1 then last, at = struct.unpack('<d', text, at) end
        if not sum.time or time > sum.time or time == sum.time and last > sum.last then
            sum.time, sum.last = time, last
        end
    end
    if flags >= 16 then
        local head, zero
        head, at = varint(bytes, at)
        if head % 2 == 1 then
            zero, at = varint(bytes, at)
            sum.zero = sum.zero + zero
        end
        if head % 4 >= 2 then
            sum.negative = sum.negative or {}
            table.insert(sum.negative, at)
            at = skip_bins(bytes, at)
        end
        if head >= 4 then
            sum.positive = sum.positive or {}
            table.insert(sum.positive, at)
            at = skip_bins(bytes, at)
        end
    end
    sum.behind = at
    return at
end

local function section_text(text, bytes, metric, sum)
    -- A metric that only one of them has stays as it is.
    if sum.sections == 1 then return string.sub(text, sum.first, sum.behind - 1) end
    local flags = sum.low and 3 or sum.sum and 2 or 0
    if sum.hits > 0 then flags = flags + 4 end
    if sum.time then flags = flags + 8 end
    local has_sketch = sum.zero > 0 or sum.negative or sum.positive
    if has_sketch then flags = flags + 16 end
    local out = varint_text(metric) .. string.char(flags) .. varint_text(sum.count)
    if sum.hits > 0 then out = out .. varint_text(sum.hits) end
    if sum.low then
        out = out .. struct.pack('<ddd', sum.sum, sum.low, sum.high)
    elseif sum.sum then
        out = out .. struct.pack('<d', sum.sum)
    end
    if sum.time then out = out .. zigzag_text(sum.time) .. struct.pack('<d', sum.last) end
    if not has_sketch then return out end
    out = out .. string.char((sum.zero > 0 and 1 or 0) + (sum.negative and 2 or 0) + (sum.positive and 4 or 0))
    if sum.zero > 0 then out = out .. varint_text(sum.zero) end
    if sum.negative then out = out .. bins_text(text, bytes, sum.negative) end
    if sum.positive then out = out .. bins_text(text, bytes, sum.positive) end
    return out
end

-- The record with one section a metric that `text`, records one behind the other, amounts to.
local function fold(text)
    local bytes, metrics, order, at = bytes_of(text), {}, {}, 1
    while at <= #text do at = read_section(text, bytes, at, metrics, order) end
    table.sort(order)
    for i, metric in ipairs(order) do order[i] = section_text(text, bytes, metric, metrics[metric]) end
    return table.concat(order)
end
