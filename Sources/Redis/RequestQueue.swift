/// The requests that wait, in the order in which their replies will come; a value without I/O or clock.
///
/// Redis answers in order, so a reply belongs to the oldest request that is not complete. A request whose caller has gone
/// (cancelled) keeps its place, since its reply still comes.
struct RequestQueue<Waiter> {
    struct Request {
        let id: UInt64
        let operation: StaticString
        /// Only while there is no connection to write them to.
        var commands: [RedisCommand]
        /// Replies to come.
        var missing: Int
        var replies: [RedisValue] = []
        let deadlineNs: UInt64
        /// Where its first byte stands in all that was written to the connection.
        var beginsAt: UInt64 = 0
        /// Who is told; nil once told.
        var waiter: Waiter?
    }

    /// A request whose last reply has come; without a waiter where its caller has gone.
    struct Completion {
        let operation: StaticString
        let waiter: Waiter?
        let replies: [RedisValue]
    }

    private var requests: [Request] = []
    private var head = 0
    /// Replies that are still to come for all requests together.
    private(set) var missing = 0

    var isEmpty: Bool { head == requests.count }

    /// Slots in use, those of completed requests included.
    var storedCount: Int { requests.count }

    mutating func append(_ request: Request) {
        missing += request.missing
        requests.append(request)
    }

    /// Takes the next reply; returns the request that it completes, if any.
    ///
    /// - Throws: `.malformedReply` if nobody waits for one.
    mutating func take(_ reply: RedisValue) throws(RedisError) -> Completion? {
        guard !isEmpty else { throw RedisError(.malformedReply, "reply", "a reply that nobody asked for") }
        missing -= 1
        requests[head].replies.append(reply)
        requests[head].missing -= 1
        guard requests[head].missing == 0 else { return nil }
        let request = removeFirst()
        return Completion(operation: request.operation, waiter: request.waiter, replies: request.replies)
    }

    /// Takes the waiter of a request whose caller has gone, with the place of the request's first byte.
    mutating func abandon(id: UInt64) -> (waiter: Waiter, operation: StaticString, beginsAt: UInt64)? {
        guard let index = requests[head...].firstIndex(where: { $0.id == id }),
            let waiter = requests[index].waiter.take()
        else { return nil }
        return (waiter, requests[index].operation, requests[index].beginsAt)
    }

    /// Removes a request altogether; only for requests that were not sent.
    mutating func remove(id: UInt64) -> Request? {
        guard let index = requests[head...].firstIndex(where: { $0.id == id }) else { return nil }
        missing -= requests[index].missing
        return requests.remove(at: index)
    }

    /// Removes what should have been answered by `nowNs`; only for requests that were not sent.
    mutating func removeExpired(nowNs: UInt64) -> [Request] {
        let expired = requests[head...].filter { $0.deadlineNs <= nowNs }
        guard !expired.isEmpty else { return [] }
        for request in expired { missing -= request.missing }
        requests = requests[head...].filter { $0.deadlineNs > nowNs }
        head = 0
        return expired
    }

    /// The oldest request that should have been answered by `nowNs`.
    func firstExpired(nowNs: UInt64) -> Request? { requests[head...].first { $0.deadlineNs <= nowNs } }

    /// When the next of all deadlines is; nil without requests.
    var nextDeadlineNs: UInt64? { requests[head...].lazy.map(\.deadlineNs).min() }

    /// Empties the queue, for when the connection is gone.
    mutating func removeAll() -> [Request] {
        defer { self = RequestQueue() }
        return Array(requests[head...])
    }

    private mutating func removeFirst() -> Request {
        let request = requests[head]
        requests[head].replies = []
        requests[head].waiter = nil
        head += 1
        if head == requests.count {
            requests.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 64 && head * 2 >= requests.count {
            requests.removeFirst(head)
            head = 0
        }
        return request
    }
}
