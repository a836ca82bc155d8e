/// How many buckets are read at once: as many as hold about `rows` rows.
///
/// At first as if every series had every bucket; where they turn out to have fewer, reads grow, up to eight times that.
struct ExportWindow: Equatable {
    private let rows: Int
    private let most: Int
    private(set) var buckets: Int

    /// A window for so many series, at least 1.
    init(series: Int, rows: Int) {
        self.rows = rows
        buckets = max(rows / max(series, 1), 1)
        most = max(8 * rows / max(series, 1), 1)
    }

    /// A read of the window returned so many rows.
    mutating func read(rows found: Int) {
        if found < rows / 4 {
            buckets = min(buckets * 2, most)
        } else if found > rows {
            buckets = max(buckets / 2, 1)
        }
    }
}
