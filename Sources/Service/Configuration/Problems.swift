/// One thing that is wrong with the configuration or the environment, and where to mend it.
package struct Problem: Sendable, Equatable, CustomStringConvertible {
    /// Where it stands.
    package enum Place: Sendable, Equatable {
        case file(String, TextPosition)
        case environment(String)
        case option(String)
        /// Nowhere: something is missing.
        case nowhere
    }

    package let place: Place
    /// The way through the configuration file, `metrics[2].kind`; empty for the other places.
    package let path: String
    package let message: String

    /// `weir.json5:3:17: metrics[2].kind: expected …`, `WEIR_PARTITIONS: expected …`, `--rate: expected …`
    package var description: String {
        switch place {
        case .file(let name, let position): "\(name):\(position): \(path.isEmpty ? "" : path + ": ")\(message)"
        case .environment(let name): "\(name): \(message)"
        case .option(let name): "--\(name): \(message)"
        case .nowhere: message
        }
    }
}

/// Collects all that is wrong, so that a user mends everything in one go.
package struct Problems: Sendable {
    /// What the configuration file is called in messages.
    package let file: String
    /// In the order found; those of the file in the order of its lines.
    package var all: [Problem] {
        let (inFile, others) = list.reduce(into: ([(TextPosition, Problem)](), [Problem]())) { split, problem in
            if case .file(_, let position) = problem.place {
                split.0.append((position, problem))
            } else {
                split.1.append(problem)
            }
        }
        return inFile.sorted { ($0.0.line, $0.0.column) < ($1.0.line, $1.0.column) }.map(\.1) + others
    }
    private var list: [Problem] = []

    /// Makes an empty collection.
    package init(file: String) { self.file = file }

    package var isEmpty: Bool { list.isEmpty }

    /// Adds a problem of the configuration file; `path` is like `metrics[2].kind`.
    package mutating func add(_ path: String, at position: TextPosition, _ message: String) {
        list.append(Problem(place: .file(file, position), path: path, message: message))
    }

    /// Adds a problem that stands anywhere; `path` is only for places in the file.
    package mutating func add(_ place: Problem.Place, path: String = "", _ message: String) {
        list.append(Problem(place: place, path: path, message: message))
    }

    /// Adds a problem with the value that `setting` has, named by where the user set it.
    package mutating func add(_ setting: some AnySetting, in settings: Settings, _ message: String) {
        let (place, path) = settings.place(of: setting)
        add(place, path: path, message)
    }
}
