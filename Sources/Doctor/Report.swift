internal import Wire

/// All that was looked at, for people and for programs.
package struct Report: Sendable, Equatable {
    /// In the order in which they are told.
    package var checks: [Check]

    package init(_ checks: [Check] = []) { self.checks = checks }

    /// The worst of all; `ok` where nothing was looked at.
    package var verdict: Check.Verdict { checks.map(\.verdict).max() ?? .ok }

    /// A line for each: verdict, name, what was found, and what to do.
    package var lines: [String] {
        let width = checks.map(\.name.count).max() ?? 0
        return checks.map { check in
            let verdict = check.verdict.rawValue.uppercased()
            let name = check.name + String(repeating: " ", count: width - check.name.count)
            let remedy = check.remedy.map { ". To mend it: \($0)" } ?? ""
            return "\(verdict)\(verdict.count < 4 ? "  " : "")  \(name)  \(check.detail)\(remedy)"
        }
    }

    /// The last line for people.
    package var summary: String {
        func count(_ verdict: Check.Verdict) -> Int { checks.count { $0.verdict == verdict } }
        let (failed, warned) = (count(.fail), count(.warn))
        if failed + warned == 0 { return "all is well (\(checks.count) checks)" }
        return "\(failed) failed, \(warned) to be looked at, of \(checks.count) checks"
    }

    /// `{"ok":…,"version":…,"at":…,"checks":[{"check":…,"verdict":…,"detail":…,"remedy":…},…]}`, one line.
    ///
    /// `version` is the program's, `atMs` the time, ms since 1970.
    package func json(version: String, atMs: Int64) -> [UInt8] {
        var json: [UInt8] = []
        json.appendJSON(literal: "{\"ok\":")
        json.appendJSON(literal: verdict == .ok ? "true" : "false")
        json.appendJSON(literal: ",\"version\":")
        json.appendJSON(version)
        json.appendJSON(literal: ",\"at\":")
        json.appendJSON(Int(atMs))
        json.appendJSON(literal: ",\"checks\":[")
        for (place, check) in checks.enumerated() {
            json.appendJSON(literal: place > 0 ? ",{\"check\":" : "{\"check\":")
            json.appendJSON(check.name)
            json.appendJSON(literal: ",\"verdict\":")
            json.appendJSON(check.verdict.rawValue)
            json.appendJSON(literal: ",\"detail\":")
            json.appendJSON(check.detail)
            json.appendJSON(literal: ",\"remedy\":")
            if let remedy = check.remedy { json.appendJSON(remedy) } else { json.appendJSON(literal: "null") }
            json.appendJSON(literal: "}")
        }
        json.appendJSON(literal: "]}\n")
        return json
    }
}
