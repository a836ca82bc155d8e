/// The executable with all its commands: turns a command line, the environment and a configuration file into settings.
///
/// Pure but for `start`, which prints and exits.
package struct Program: Sendable {
    package let name: String
    package let version: String
    let summary: String
    package let commands: [Command]
    let sections: [ConfigurationSection]

    /// What a command line asks for.
    package enum Request: Sendable {
        /// Only to show a text on standard output: help or the version.
        case show(String)
        case run(Invocation)
    }

    /// Declares the program.
    ///
    /// - Parameters:
    ///   - name: what users type.
    ///   - version: what `--version` says after the name.
    ///   - summary: one line for the help page.
    ///   - commands: in the order of the help page.
    ///   - sections: the parts of the configuration file that are no settings.
    package init(
        name: String, version: String, summary: String, commands: [Command], sections: [ConfigurationSection] = []
    ) {
        self.name = name
        self.version = version
        self.summary = summary
        self.commands = commands
        self.sections = sections
    }

    /// Reads a command line, without the program's own name; values are not looked at yet.
    package func request(_ arguments: [String]) throws(UsageError) -> Request {
        guard let first = arguments.first else {
            throw UsageError(.usage, ["\(name): which command? \(name) --help lists them"])
        }
        if ["--help", "-h"].contains(first) { return .show(help) }
        if ["--version", "-V"].contains(first) { return .show("\(name) \(version)\n") }
        if first == "help" { return try request(arguments.dropFirst() + ["--help"]) }
        if first.hasPrefix("-") {
            throw UsageError(.usage, ["\(name): options stand after the command; \(name) --help lists the commands"])
        }
        let matching = commands.filter { $0.words.elementsEqual(arguments.prefix($0.words.count), by: ==) }
        guard let command = matching.max(by: { $0.words.count < $1.words.count }) else {
            return try groupRequest(first, arguments)
        }
        let rest = arguments.dropFirst(command.words.count)
        let options = rest.prefix { $0 != "--" }
        if options.contains(where: { $0 == "--help" || $0 == "-h" }) { return .show(help(for: command)) }
        if options.contains("--version") { return .show("\(name) \(version)\n") }
        return .run(try Invocation(program: self, command: command, arguments: Array(rest)))
    }

    private func groupRequest(_ first: String, _ arguments: [String]) throws(UsageError) -> Request {
        let group = commands.filter { $0.words.count > 1 && $0.words[0] == first }
        if group.isEmpty {
            let hint = closest(to: first, among: commands.map { String($0.words[0]) })
            throw UsageError(
                .usage,
                [
                    "\(name): no command '\(first)'\(hint.map { "; did you mean \($0)?" } ?? "") (\(name) --help lists them)"
                ])
        }
        if arguments.contains("--help") || arguments.contains("-h") { return .show(help(forGroup: first, group)) }
        let choices = group.map { "\(name) \($0.name)" }.joined(separator: " or ")
        throw UsageError(.usage, ["\(name) \(first): expected \(choices)"])
    }

    /// Reads everything at once: the command line, then the values from all sources.
    ///
    /// Meant for tests and for callers that know that no help is asked for.
    package func parse(
        _ arguments: [String], environment: [String: String] = [:], configuration: ConfigurationFile? = nil
    ) throws(UsageError) -> Settings {
        switch try request(arguments) {
        case .show: throw UsageError(.usage, ["help or version was asked for"])
        case .run(let invocation):
            return try invocation.settings(environment: environment, configuration: configuration)
        }
    }
}

/// The name among `names` that `text` is probably a slip of; nil if none is near.
func closest(to text: String, among names: [String]) -> String? {
    let ranked = names.map { ($0, editDistance(Array(text.utf8), Array($0.utf8))) }
    guard let best = ranked.min(by: { $0.1 < $1.1 }), best.1 <= max(1, min(3, text.utf8.count / 3)) else {
        // A beginning is a hint too: --part for --partitions.
        return text.utf8.count < 3 ? nil : names.first { $0.hasPrefix(text) }
    }
    return best.0
}

/// How many single letters must be inserted, removed, replaced or swapped with their neighbour.
private func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var rows = [Array(0...right.count)]
    for i in left.indices {
        var row = [i + 1]
        for j in right.indices {
            var least = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (left[i] == right[j] ? 0 : 1))
            if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
                least = min(least, rows[i - 1][j - 1] + 1)
            }
            row.append(least)
        }
        rows.append(row)
    }
    return rows[left.count][right.count]
}
