internal import CHiredis

/// Turns bytes from the server into values, with hiredis' parser.
///
/// hiredis would build a tree of its own to be copied and freed again; its object functions let the values be made
/// directly while it parses instead. Not thread-safe; belongs to one connection.
final class ReplyReader {
    private let reader: UnsafeMutablePointer<redisReader>
    private let functions: UnsafeMutablePointer<redisReplyObjectFunctions>
    /// The arrays that are not complete yet, outermost first.
    private var open: [(items: [RedisValue], missing: Int)] = []
    private var complete: RedisValue?

    init() {
        functions = .allocate(capacity: 1)
        functions.initialize(
            to: redisReplyObjectFunctions(
                createString: onString, createArray: onArray, createInteger: onInteger, createNil: onNull,
                freeObject: onFree))
        guard let made = redisReaderCreateWithFunctions(functions) else { preconditionFailure("out of memory") }
        reader = made
        // Up to 1 MiB of an emptied buffer is kept for the next reply; by default hiredis gives back all above 16 KiB.
        reader.pointee.maxbuf = 1 << 20
        reader.pointee.privdata = Unmanaged.passUnretained(self).toOpaque()
    }

    deinit {
        redisReaderFree(reader)
        functions.deallocate()
    }

    /// Takes bytes as they arrive, cut anywhere.
    func feed(_ bytes: UnsafeRawBufferPointer) throws(RedisError) {
        guard redisReaderFeed(reader, bytes.baseAddress, bytes.count) == REDIS_OK else { throw failure }
    }

    /// The next whole reply; nil when more bytes are needed.
    func next() throws(RedisError) -> RedisValue? {
        complete = nil
        guard redisReaderGetReply(reader, nil) == REDIS_OK else { throw failure }
        return complete.take()
    }

    private var failure: RedisError {
        let words = withUnsafeBytes(of: &reader.pointee.errstr) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        return RedisError(.malformedReply, "reply", words)
    }

    fileprivate func beginArray(count: Int) {
        guard count > 0 else { return add(.array([])) }
        var items: [RedisValue] = []
        items.reserveCapacity(min(count, 4096))  // the count is the peer's claim; more room comes with the items
        open.append((items, count))
    }

    fileprivate func add(_ value: RedisValue) {
        var value = value
        while !open.isEmpty {
            let last = open.count - 1
            open[last].items.append(value)
            open[last].missing -= 1
            if open[last].missing > 0 { return }
            value = .array(open.removeLast().items)
        }
        complete = value
    }
}

// MARK: What hiredis calls

/// hiredis wants an object for every value and takes nil for "out of memory"; the values are in the reader already.
private var done: UnsafeMutableRawPointer? { UnsafeMutableRawPointer(bitPattern: 1) }

private func owner(of task: UnsafePointer<redisReadTask>?) -> ReplyReader? {
    task?.pointee.privdata.map { Unmanaged<ReplyReader>.fromOpaque($0).takeUnretainedValue() }
}

private func onString(
    _ task: UnsafePointer<redisReadTask>?, _ start: UnsafeMutablePointer<CChar>?, _ count: Int
) -> UnsafeMutableRawPointer? {
    let bytes = UnsafeRawBufferPointer(start: start, count: count)
    let value: RedisValue =
        switch task?.pointee.type {
        case REDIS_REPLY_STATUS: .status(String(decoding: bytes, as: UTF8.self))
        case REDIS_REPLY_ERROR: .error(String(decoding: bytes, as: UTF8.self))
        default: .bulk([UInt8](bytes))
        }
    owner(of: task)?.add(value)
    return done
}

private func onArray(_ task: UnsafePointer<redisReadTask>?, _ count: CInt) -> UnsafeMutableRawPointer? {
    owner(of: task)?.beginArray(count: Int(count))
    return done
}

private func onInteger(_ task: UnsafePointer<redisReadTask>?, _ number: CLongLong) -> UnsafeMutableRawPointer? {
    owner(of: task)?.add(.integer(Int(number)))
    return done
}

private func onNull(_ task: UnsafePointer<redisReadTask>?) -> UnsafeMutableRawPointer? {
    owner(of: task)?.add(.null)
    return done
}

private func onFree(_ object: UnsafeMutableRawPointer?) {}
