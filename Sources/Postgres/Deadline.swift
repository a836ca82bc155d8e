/// The moment by which something has to be done.
struct Deadline {
    private let end: ContinuousClock.Instant

    init(_ timeout: Duration) { end = ContinuousClock.now + timeout }

    /// What is left; zero once it has passed.
    var left: Duration { max(.zero, ContinuousClock.now.duration(to: end)) }
}
