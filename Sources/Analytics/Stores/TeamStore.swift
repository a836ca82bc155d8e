/// What the workers of several processes agree on.
package protocol TeamStore: Sendable {
    /// The partitions there are; made more where there are fewer than `configured`.
    func layout(atLeast configured: Int) async throws(StoreError) -> PartitionLayout
    /// Counts `owner` as alive for `ttl`, zero takes it out at once; returns all that are alive.
    func workers(owner: String, for ttl: Duration) async throws(StoreError) -> [String]
}
