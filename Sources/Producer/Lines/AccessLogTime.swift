internal import Analytics

/// Reads the time in an access log line: `17/May/2015:10:05:03 +0000`.
enum AccessLogTime {
    /// How many bytes it always has.
    static let length = 26

    /// Milliseconds since 1970 of the time that begins at `start`.
    ///
    /// Strict: a field out of range, a 30th of February or a missing zone gives nil, never a guess.
    static func parse(_ bytes: borrowing Span<UInt8>, at start: Int) -> Int64? {
        guard start + length <= bytes.count, bytes[start + 2] == UInt8(ascii: "/"),
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
        let first = EventTime.daysSince1970(Int(year), Int(month), 1)
        let following = EventTime.daysSince1970(Int(month == 12 ? year + 1 : year), Int(month % 12 + 1), 1)
        guard day <= following - first else { return nil }
        return ((Int64(first) + day - 1) * 24 + hour) * 3600 + minute * 60 + second
    }
}
