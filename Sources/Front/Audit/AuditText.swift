internal import Analytics
internal import Wire

/// An audit as JSON (docs/audit.md).
enum AuditText {
    static func json(_ audit: Audit, range: Range<Int64>, degraded: [String]) -> [UInt8] {
        var json = Array("{".utf8)
        json.append("from", Int(range.lowerBound))
        json.append("to", Int(range.upperBound))
        json.appendJSON(literal: "\"hours\":")
        json.appendJSONList(audit.hours) { json, hour in
            json.appendJSON(literal: "{")
            json.append("hour", Int(hour.atMs))
            json.append("partition", hour.partition)
            json.append(hour.books)
            json.append("compacted", hour.compacted)
            json.append(balanced: hour.isBalanced)
            json.appendJSON(literal: "}")
        }
        json.appendJSON(literal: ",\"partitions\":")
        json.appendJSONList(audit.partitions) { $0.append($1) }
        json.appendJSON(literal: ",")
        json.append(balanced: audit.isBalanced)
        json.appendJSON(literal: ",\"degraded\":")
        json.appendJSONList(degraded)
        json.appendJSON(literal: ",\"as_of\":")
        json.appendJSON(Int(audit.asOfMs))
        json.appendJSON(literal: "}\n")
        return json
    }
}

extension [UInt8] {
    fileprivate mutating func append(_ partition: Audit.Partition) {
        let books = partition.books
        appendJSON(literal: "{")
        append("partition", partition.number)
        append(books.totals)
        append("foreign", books.foreign)
        append("waiting", books.waiting)
        appendJSON(literal: "\"counted\":{")
        append("redis", books.recent?.total)
        append("postgres", partition.history)
        endObject()
        appendJSON(literal: ",\"entries\":{")
        append("applied", books.entries.applied)
        append("added", books.entries.added)
        append("waiting", books.entries.waiting)
        append("missing", books.entries.missing)
        endObject()
        appendJSON(literal: ",\"problems\":")
        appendJSONList(partition.problems)
        appendJSON(literal: ",")
        append(balanced: partition.isBalanced)
        appendJSON(literal: "}")
    }

    fileprivate mutating func append(_ books: EventBooks) {
        append("appended", books.appended)
        append("applied", books.applied)
        append("duplicate", books.duplicate)
        append("late", books.late)
        append("refused", books.refused)
        append("missing", books.missing)
    }

    /// A member, and the comma behind it.
    fileprivate mutating func append(_ name: String, _ number: Int?) {
        appendJSON(name)
        appendJSON(literal: ":")
        if let number { appendJSON(number) } else { appendJSON(literal: "null") }
        appendJSON(literal: ",")
    }

    fileprivate mutating func append(balanced: Bool) {
        appendJSON(literal: "\"balanced\":")
        if balanced { appendJSON(literal: "true") } else { appendJSON(literal: "false") }
    }

    /// In place of the last comma.
    fileprivate mutating func endObject() { self[count - 1] = UInt8(ascii: "}") }
}
