internal import CEvent
internal import Glibc

/// Bytes on their way to a socket: small pieces are joined, large and shared ones are kept as they are.
///
/// An array is reference-counted, so one frame queued to thousands of sockets exists once.
struct OutputQueue {
    /// How far a flush came.
    enum Progress {
        case done
        case blocked
        case failed(CInt)
    }

    /// Copying less than this is cheaper than a system call of its own.
    private static let joinBelowBytes = 4 * 1024
    private static let keptCapacity = 4 * 1024

    /// Whole pieces, oldest first; `sentOfFirst` bytes of `pieces[first]` are gone.
    private var pieces: [[UInt8]] = []
    private var first = 0
    private var sentOfFirst = 0
    /// The newest bytes, still growing.
    private var tail: [UInt8] = []
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    mutating func append(_ bytes: [UInt8]) {
        count += bytes.count
        if bytes.count < OutputQueue.joinBelowBytes {
            tail.append(contentsOf: bytes)
        } else {
            sealTail()
            pieces.append(bytes)
        }
    }

    /// Queues what could not be sent of `bytes`, without copying it; the queue is empty.
    mutating func append(_ bytes: [UInt8], sent: Int) {
        precondition(isEmpty, "a partly sent piece is the first")
        pieces.append(bytes)
        sentOfFirst = sent
        count = bytes.count - sent
    }

    /// Lets `body` append to the newest bytes.
    mutating func write(_ body: (inout [UInt8]) -> Void) {
        let before = tail.count
        body(&tail)
        count += tail.count - before
    }

    mutating func removeAll() { self = OutputQueue() }

    /// Sends until all is gone or the kernel takes no more.
    mutating func flush(to descriptor: CInt) -> Progress {
        while first < pieces.count {
            let isLast = first + 1 == pieces.count && tail.isEmpty
            switch send(pieces[first], from: sentOfFirst, descriptor, more: !isLast) {
            case .success(let sent):
                sentOfFirst += sent
                count -= sent
                guard sentOfFirst == pieces[first].count else { return .blocked }
                pieces[first] = []
                first += 1
                sentOfFirst = 0
            case .failure(let error): return error.code == EAGAIN ? .blocked : .failed(error.code)
            }
        }
        pieces.removeAll(keepingCapacity: false)
        first = 0
        guard !tail.isEmpty else { return .done }
        switch send(tail, from: 0, descriptor, more: false) {
        case .success(let sent):
            count -= sent
            guard sent == tail.count else {
                sealTail()
                sentOfFirst = sent
                return .blocked
            }
            tail.removeAll(keepingCapacity: tail.capacity <= OutputQueue.keptCapacity)
            return .done
        case .failure(let error): return error.code == EAGAIN ? .blocked : .failed(error.code)
        }
    }

    private mutating func sealTail() {
        guard !tail.isEmpty else { return }
        pieces.append(tail)
        tail = []
    }
}

/// The system's number for a call that failed.
struct SystemError: Error {
    let code: CInt
}

/// Sends `bytes[start...]` without waiting; never raises SIGPIPE.
func send(_ bytes: [UInt8], from start: Int, _ descriptor: CInt, more: Bool) -> Result<Int, SystemError> {
    let flags = CInt(MSG_NOSIGNAL | MSG_DONTWAIT) | (more ? CInt(MSG_MORE) : 0)
    return bytes.withUnsafeBytes { raw in
        let rest = UnsafeRawBufferPointer(rebasing: raw[start...])
        while true {
            let sent = Glibc.send(descriptor, rest.baseAddress, rest.count, flags)
            if sent >= 0 { return .success(sent) }
            let code = errno
            if code != EINTR { return .failure(SystemError(code: code)) }
        }
    }
}
