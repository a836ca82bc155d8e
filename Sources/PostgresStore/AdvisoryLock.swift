/// The numbers of our advisory locks in PostgreSQL: `weir` in ASCII, then a number; seen in `pg_locks` by whoever waits.
enum AdvisoryLock: Int64 {
    /// Held by a transaction of the migration runner; a second runner waits.
    case migration = 0x7765_6972_0000_0001
    /// Held by a transaction of the compaction; a second pass steps aside.
    case compaction = 0x7765_6972_0000_0002
}
