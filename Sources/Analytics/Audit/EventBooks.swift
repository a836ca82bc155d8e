/// Events by what became of them, in one hour of receipt or in all.
package struct EventBooks: Sendable, Equatable {
    /// Put on the log: by fronts when they did, by others when it was found there.
    package var appended = 0
    package var applied = 0
    package var late = 0
    package var refused = 0
    /// Put on the log by a front and not found there.
    package var missing = 0
    /// Of repeated requests: left out, and in none of the other numbers.
    package var duplicate = 0

    package init() {}

    /// Events of which it is known what became of them.
    package var settled: Int { applied + late + refused }
}

/// The books of a partition, in one state of it.
package struct PartitionBooks: Sendable, Equatable {
    /// Entries of the log, an entry of a front holding many events.
    package struct Entries: Sendable, Equatable {
        package var applied = 0
        /// Ever put there, by anybody.
        package var added = 0
        /// Not applied, and still there.
        package var waiting = 0

        package init() {}

        /// Taken off the log by others before they were applied.
        package var missing: Int { added - applied - waiting }
    }

    package var state: PartitionState
    /// Since the partition began.
    package var totals = EventBooks()
    /// Of `totals.appended`, those that came without a front.
    package var foreign = 0
    /// Events of fronts that are on the log and not applied.
    package var waiting = 0
    package var entries = Entries()
    /// By hour of receipt, ms since 1970; hours without any event are left out.
    package var hours: [Int64: EventBooks] = [:]
    /// Nil where Redis holds too much to be counted in one step.
    package var recent: RecentCount?

    package init(state: PartitionState) { self.state = state }
}

/// What Redis counts of the built-in metric `events` that history does not.
package struct RecentCount: Sendable, Equatable {
    /// A minute before the boundary that has changed since history got it.
    package struct Minute: Sendable, Equatable {
        /// Its start, ms since 1970.
        package let atMs: Int64
        /// Names the bucket, and with it the row of history that it will replace.
        package let generation: StreamID
        package let events: Int

        package init(atMs: Int64, generation: StreamID, events: Int) {
            self.atMs = atMs
            self.generation = generation
            self.events = events
        }
    }

    /// Where history ends and Redis begins, ms since 1970.
    package var boundaryMs: Int64
    /// Events from the boundary on.
    package var events: Int
    package var changed: [Minute]

    package init(boundaryMs: Int64, events: Int = 0, changed: [Minute] = []) {
        self.boundaryMs = boundaryMs
        self.events = events
        self.changed = changed
    }

    /// All events that Redis has to answer for.
    package var total: Int { changed.reduce(events) { $0 + $1.events } }
}
