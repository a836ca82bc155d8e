/// Reads the written times that logs use; all results are milliseconds since 1970, UTC.
///
/// Every reader is strict: a field out of range, a 30th of February or a missing zone gives nil, never a guess.
enum CivilTime {
    /// The length of `17/May/2015:10:05:03 +0000`.
    static let accessLogLength = 26

    /// Reads `17/May/2015:10:05:03 +0000`, which must start at `start`.
    static func accessLog(_ bytes: borrowing Span<UInt8>, at start: Int) -> Int64? {
        guard start + accessLogLength <= bytes.count, bytes[start + 2] == UInt8(ascii: "/"),
            bytes[start + 6] == UInt8(ascii: "/"), bytes[start + 11] == UInt8(ascii: ":"),
            bytes[start + 14] == UInt8(ascii: ":"), bytes[start + 17] == UInt8(ascii: ":"),
            bytes[start + 20] == UInt8(ascii: " "),
            let day = number(bytes, start, 2), let month = month(bytes, start + 3),
            let year = number(bytes, start + 7, 4), let hour = number(bytes, start + 12, 2),
            let minute = number(bytes, start + 15, 2), let second = number(bytes, start + 18, 2),
            let zoneHour = number(bytes, start + 22, 2), let zoneMinute = number(bytes, start + 24, 2),
            let seconds = seconds(year, month, day, hour, minute, second),
            let offset = offset(sign: bytes[start + 21], zoneHour, zoneMinute)
        else { return nil }
        return (seconds - offset) * 1000
    }

    /// Reads RFC 3339 text that fills `range`, such as `2026-11-23T10:00:00.123Z` or `2026-11-23 11:00:00+01:00`.
    static func rfc3339(_ bytes: borrowing Span<UInt8>, in range: Range<Int>) -> Int64? {
        let start = range.lowerBound
        guard range.count >= 20, bytes[start + 4] == UInt8(ascii: "-"), bytes[start + 7] == UInt8(ascii: "-"),
            bytes[start + 13] == UInt8(ascii: ":"), bytes[start + 16] == UInt8(ascii: ":"),
            [UInt8(ascii: "T"), UInt8(ascii: "t"), UInt8(ascii: " ")].contains(bytes[start + 10]),
            let year = number(bytes, start, 4), let month = number(bytes, start + 5, 2),
            let day = number(bytes, start + 8, 2), let hour = number(bytes, start + 11, 2),
            let minute = number(bytes, start + 14, 2), let second = number(bytes, start + 17, 2),
            let seconds = seconds(year, month, day, hour, minute, second)
        else { return nil }
        var next = start + 19
        var milliseconds: Int64 = 0
        if bytes[next] == UInt8(ascii: ".") {
            next += 1
            let first = next
            var weight: Int64 = 100
            while next < range.upperBound, let digit = digit(bytes[next]) {
                milliseconds += digit * weight
                weight /= 10
                next += 1
            }
            if next == first { return nil }
        }
        guard next < range.upperBound else { return nil }
        if bytes[next] | 0x20 == UInt8(ascii: "z") {
            return next + 1 == range.upperBound ? seconds * 1000 + milliseconds : nil
        }
        guard next + 6 == range.upperBound, bytes[next + 3] == UInt8(ascii: ":"),
            let zoneHour = number(bytes, next + 1, 2), let zoneMinute = number(bytes, next + 4, 2),
            let offset = offset(sign: bytes[next], zoneHour, zoneMinute)
        else { return nil }
        return (seconds - offset) * 1000 + milliseconds
    }

    private static func digit(_ byte: UInt8) -> Int64? {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") ? Int64(byte - UInt8(ascii: "0")) : nil
    }

    private static func number(_ bytes: borrowing Span<UInt8>, _ start: Int, _ count: Int) -> Int64? {
        var value: Int64 = 0
        for index in start..<(start + count) {
            guard let digit = digit(bytes[index]) else { return nil }
            value = value * 10 + digit
        }
        return value
    }

    private static func month(_ bytes: borrowing Span<UInt8>, _ start: Int) -> Int64? {
        let name = (UInt32(bytes[start]) << 16 | UInt32(bytes[start + 1]) << 8 | UInt32(bytes[start + 2])) | 0x202020
        return switch name {
        case 0x6a616e: 1  // jan, feb … dec as their bytes
        case 0x666562: 2
        case 0x6d6172: 3
        case 0x617072: 4
        case 0x6d6179: 5
        case 0x6a756e: 6
        case 0x6a756c: 7
        case 0x617567: 8
        case 0x736570: 9
        case 0x6f6374: 10
        case 0x6e6f76: 11
        case 0x646563: 12
        default: nil
        }
    }

    private static func offset(sign: UInt8, _ hour: Int64, _ minute: Int64) -> Int64? {
        guard hour < 24, minute < 60 else { return nil }
        let seconds = hour * 3600 + minute * 60
        return sign == UInt8(ascii: "+") ? seconds : sign == UInt8(ascii: "-") ? -seconds : nil
    }

    /// Seconds since 1970 of a date and time of day in UTC; second 60 is the leap second, counted as the next one.
    private static func seconds(
        _ year: Int64, _ month: Int64, _ day: Int64, _ hour: Int64, _ minute: Int64, _ second: Int64
    ) -> Int64? {
        guard (1...12).contains(month), day >= 1, hour < 24, minute < 60, second <= 60 else { return nil }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths: InlineArray<12, Int64> = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard day <= lengths[Int(month) - 1] else { return nil }
        // Howard Hinnant's days_from_civil: years begin in March, so the leap day is the last of its year.
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return ((era * 146_097 + dayOfEra - 719_468) * 24 + hour) * 3600 + minute * 60 + second
    }
}
