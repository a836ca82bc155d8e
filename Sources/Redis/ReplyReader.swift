internal import CHiredis

/// Turns bytes from the server into values, with hiredis' parser.
///
/// hiredis would build a tree of its own to be copied and freed again; its object functions let the values be made
/// directly while it parses instead. Not thread-safe; belongs to one connection.
final class ReplyReader {
    private let reader: UnsafeMutablePointer<redisReader>
    private let functions: UnsafeMutablePointer<redisReplyObjectFunctions>
    /// What is being put together. Behind a pointer, which hiredis hands to the callbacks: as properties of this object it
    /// would be checked for exclusive access with every value, which took a tenth of the time to read a stream.
    private let building: UnsafeMutablePointer<ReplyBuilder>

    init() {
        functions = .allocate(capacity: 1)
        functions.initialize(
            to: redisReplyObjectFunctions(
                createString: onString, createArray: onArray, createInteger: onInteger, createNil: onNull,
                freeObject: onFree))
        building = .allocate(capacity: 1)
        building.initialize(to: ReplyBuilder())
        guard let made = redisReaderCreateWithFunctions(functions) else { preconditionFailure("out of memory") }
        reader = made
        // Up to 1 MiB of an emptied buffer is kept for the next reply; by default hiredis gives back all above 16 KiB.
        reader.pointee.maxbuf = 1 << 20
        reader.pointee.privdata = UnsafeMutableRawPointer(building)
    }

    deinit {
        redisReaderFree(reader)
        functions.deallocate()
        building.deinitialize(count: 1)
        building.deallocate()
    }

    /// Takes bytes as they arrive, cut anywhere.
    func feed(_ bytes: UnsafeRawBufferPointer) throws(RedisError) {
        guard redisReaderFeed(reader, bytes.baseAddress, bytes.count) == REDIS_OK else { throw failure }
    }

    /// The next whole reply; nil when more bytes are needed.
    func next() throws(RedisError) -> RedisValue? {
        guard redisReaderGetReply(reader, nil) == REDIS_OK else { throw failure }
        return building.pointee.complete.take()
    }

    private var failure: RedisError {
        let words = withUnsafeBytes(of: &reader.pointee.errstr) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        return RedisError(.malformedReply, "reply", words)
    }
}

// MARK: What hiredis calls

/// hiredis wants an object for every value and takes nil for "out of memory"; the values are in the reader already.
private var done: UnsafeMutableRawPointer? { UnsafeMutableRawPointer(bitPattern: 1) }

private func builder(of task: UnsafePointer<redisReadTask>?) -> UnsafeMutablePointer<ReplyBuilder>? {
    task?.pointee.privdata?.assumingMemoryBound(to: ReplyBuilder.self)
}

private func onString(
    _ task: UnsafePointer<redisReadTask>?, _ start: UnsafeMutablePointer<CChar>?, _ count: Int
) -> UnsafeMutableRawPointer? {
    guard let builder = builder(of: task) else { return done }
    let bytes = UnsafeRawBufferPointer(start: start, count: count)
    switch task?.pointee.type {
    case REDIS_REPLY_STATUS: builder.pointee.add(.status(String(decoding: bytes, as: UTF8.self)))
    case REDIS_REPLY_ERROR: builder.pointee.add(.error(String(decoding: bytes, as: UTF8.self)))
    default: builder.pointee.addBulk(bytes)
    }
    return done
}

private func onArray(_ task: UnsafePointer<redisReadTask>?, _ count: CInt) -> UnsafeMutableRawPointer? {
    builder(of: task)?.pointee.beginArray(count: Int(count))
    return done
}

private func onInteger(_ task: UnsafePointer<redisReadTask>?, _ number: CLongLong) -> UnsafeMutableRawPointer? {
    builder(of: task)?.pointee.add(.integer(Int(number)))
    return done
}

private func onNull(_ task: UnsafePointer<redisReadTask>?) -> UnsafeMutableRawPointer? {
    builder(of: task)?.pointee.add(.null)
    return done
}

private func onFree(_ object: UnsafeMutableRawPointer?) {}
