/// What a running front says of itself.
package struct FrontFacts: Sendable, Equatable {
    /// How asking for its status went.
    package enum Status: Sendable, Equatable {
        case known(version: String, degraded: [String])
        /// The status it was answered with, and the words.
        case refused(Int, String)
    }

    /// Where it was asked, and the reasons it gave for not being ready; none where it is.
    package var address: String
    package var unreadyReasons: [String]
    package var status: Status

    package init(address: String, unreadyReasons: [String], status: Status) {
        self.address = address
        self.unreadyReasons = unreadyReasons
        self.status = status
    }
}

/// Says whether a front serves.
package enum FrontChecks {
    /// `version` is this program's.
    package static func check(_ facts: FrontFacts, version: String) -> Check {
        let name = "front"
        if !facts.unreadyReasons.isEmpty {
            return .fail(
                name, "\(facts.address) is not ready: \(facts.unreadyReasons.joined(separator: ", "))",
                mend: "see the other checks and the log of weir serve")
        }
        switch facts.status {
        case .refused(401, _), .refused(403, _):
            return .warn(
                name, "\(facts.address) is ready, but does not tell more without a token",
                mend: "give one that may read: WEIR_TOKEN or --token")
        case .refused(let code, let detail):
            return .fail(
                name, "\(facts.address) answers \(code): \(detail)", mend: "name a front of Weir by WEIR_URL or --url")
        case .known(let running, let degraded):
            if !degraded.isEmpty {
                return .fail(
                    name, "\(facts.address) answers without \(degraded.joined(separator: " and "))",
                    mend: "see that the store runs and that the front reaches it: /api/v1/status has the last error")
            }
            if running != version {
                return .warn(
                    name, "\(facts.address) runs version \(running), this program is \(version)",
                    mend: "restart weir serve with the newer one")
            }
            return .ok(name, "\(facts.address) is ready, version \(running)")
        }
    }
}
