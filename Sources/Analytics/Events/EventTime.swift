/// Reads the time of an event or a request: RFC 3339 text, or milliseconds since 1970.
package enum EventTime {
    /// Milliseconds since 1970 of the text at `range`; nil where it is no time.
    package static func parse(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int64? {
        if range.count >= 20, bytes[range.lowerBound + 4] == UInt8(ascii: "-") { return rfc3339(bytes, range) }
        guard let ms = parseNumber(bytes, range), abs(ms) < 1e15 else { return nil }
        return Int64(ms.rounded(.down))
    }

    /// The same for text.
    package static func parse(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        return parse(bytes.span, 0..<bytes.count)
    }

    /// `2026-11-23T10:00:00.123Z`, or with an offset. RFC 3339, section 5.6; a leap second counts as the one after it.
    private static func rfc3339(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int64? {
        let start = range.lowerBound
        func digits(_ offset: Int, _ count: Int) -> Int? {
            guard start + offset + count <= range.upperBound else { return nil }
            var number = 0
            for place in start + offset..<start + offset + count {
                let digit = Int(bytes[place]) - 48
                guard (0...9).contains(digit) else { return nil }
                number = number * 10 + digit
            }
            return number
        }
        func character(_ offset: Int, in allowed: StaticString) -> Bool {
            guard start + offset < range.upperBound else { return false }
            let byte = bytes[start + offset]
            return allowed.description.utf8.contains(byte)
        }
        guard let year = digits(0, 4), let month = digits(5, 2), let day = digits(8, 2), let hour = digits(11, 2),
            let minute = digits(14, 2), let second = digits(17, 2), character(4, in: "-"), character(7, in: "-"),
            character(10, in: "Tt "), character(13, in: ":"), character(16, in: ":"), (1...12).contains(month),
            (1...daysIn(month: month, year: year)).contains(day), hour < 24, minute < 60, second <= 60
        else { return nil }
        var offset = 19
        var ms = 0
        if character(offset, in: ".") {
            offset += 1
            var scale = 100
            let first = offset
            while let digit = digits(offset, 1) {
                ms += digit * scale
                scale /= 10
                offset += 1
            }
            guard offset > first else { return nil }
        }
        var zoneMinutes = 0
        if character(offset, in: "Zz") {
            offset += 1
        } else if character(offset, in: "+-") {
            guard let hours = digits(offset + 1, 2), character(offset + 3, in: ":"),
                let minutes = digits(offset + 4, 2),
                hours < 24, minutes < 60
            else { return nil }
            zoneMinutes = (hours * 60 + minutes) * (character(offset, in: "-") ? -1 : 1)
            offset += 6
        } else {
            return nil
        }
        guard start + offset == range.upperBound else { return nil }
        let seconds = daysSince1970(year, month, day) * 86_400 + hour * 3_600 + (minute - zoneMinutes) * 60 + second
        return Int64(seconds) * 1_000 + Int64(ms)
    }

    private static func daysIn(month: Int, year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days of the proleptic Gregorian calendar. Source: Howard Hinnant, "chrono-compatible low-level date algorithms".
    package static func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}

extension EventTime {
    /// The time of an event whose `ts` is present; nil where it is no time.
    package static func parse(_ event: EventFields, in bytes: Span<UInt8>) -> Int64? {
        let value = event.values[FieldTable.timeSlot]
        let range = Int(value.start)..<Int(value.start + value.count)
        return value.isInScratch ? parse(event.scratch.span, range) : parse(bytes, range)
    }
}

extension EventTime {
    /// The date of a day counted from 1970-01-01, as `2026-11-23`. Source: as `daysSince1970`.
    package static func dateText(daysSince1970 days: Int) -> String {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch + (monthFromMarch < 10 ? 3 : -9)
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        func padded(_ number: Int, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
    }
}
