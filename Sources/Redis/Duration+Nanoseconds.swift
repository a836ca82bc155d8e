extension Duration {
    /// Whole nanoseconds; negative ones count as 0, too long ones as 292 years.
    var nanoseconds: UInt64 {
        let (seconds, attoseconds) = max(self, .zero).components
        let whole = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        guard !whole.overflow else { return UInt64(Int64.max) }
        return min(whole.partialValue + UInt64(attoseconds / 1_000_000_000), UInt64(Int64.max))
    }
}
