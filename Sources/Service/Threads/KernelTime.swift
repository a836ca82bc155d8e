internal import Glibc

/// A reading of one of the kernel's clocks: `timespec` under names of our own.
///
/// The compiler takes the members of `timespec` for those of whichever module it has loaded first; where that is one which
/// cannot be imported, the build fails, depending on which files are compiled together.
struct KernelTime: Equatable {
    var seconds: Int
    var nanoseconds: Int

    /// The time now.
    init(_ clock: clockid_t) {
        precondition(MemoryLayout<Self>.size == MemoryLayout<timespec>.size, "a timespec is two 64-bit integers")
        seconds = 0
        nanoseconds = 0
        unsafe withTimespec { unsafe clock_gettime(clock, $0) }
    }

    /// A time that the system has told.
    init(_ told: timespec) {
        precondition(MemoryLayout<Self>.size == MemoryLayout<timespec>.size, "a timespec is two 64-bit integers")
        self = unsafe unsafeBitCast(told, to: Self.self)
    }

    /// The time `duration` later; not before this one.
    func advanced(by duration: Duration) -> KernelTime {
        let (wholeSeconds, attoseconds) = duration.components
        var later = self
        later.nanoseconds += Int(attoseconds / 1_000_000_000)
        later.seconds += Int(wholeSeconds) + later.nanoseconds / 1_000_000_000
        later.nanoseconds %= 1_000_000_000
        return later
    }

    /// Lends the time to a C function.
    @discardableResult
    mutating func withTimespec<Value>(_ body: (UnsafeMutablePointer<timespec>) -> Value) -> Value {
        unsafe withUnsafeMutablePointer(to: &self) {
            unsafe $0.withMemoryRebound(to: timespec.self, capacity: 1, body)
        }
    }
}
