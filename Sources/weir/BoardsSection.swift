import Analytics
import Service
import Wire

/// The `boards` of the configuration file: a list of boards and of files that hold some, or one such file.
///
/// A file is JSON, one board as the page exports it or a list of them; its name is taken from the configuration file's folder
/// on. Every command checks what stands in the configuration file itself; only fronts read the other files.
enum BoardsSection {
    private static let key = "boards"
    private static let maxFileBytes = 4 << 20

    static let section = ConfigurationSection(key) { value, problems in
        _ = read(value, configurationFile: nil, metrics: nil, &problems)
    }

    /// Adds what is wrong with the boards, their files and the metrics that they name.
    static func check(_ settings: Settings, _ problems: inout Problems) { _ = boards(settings, &problems) }

    /// The boards of the configuration, each name once.
    ///
    /// - Throws: `StartError` where a file has changed for the worse since `check`.
    static func boards(_ settings: Settings) throws -> [Board] {
        var problems = Problems(file: settings.configuration?.name ?? "")
        let boards = boards(settings, &problems)
        guard problems.isEmpty else {
            throw StartError(.configuration, problems.all.map { "\($0)" }.joined(separator: "; "))
        }
        return boards
    }

    private static func boards(_ settings: Settings, _ problems: inout Problems) -> [Board] {
        guard let file = settings.configuration, let value = file.root[key] else { return [] }
        let metrics = [.events] + MetricsSection.metrics(settings)
        return read(value, configurationFile: file.name, metrics: metrics, &problems)
    }

    private static func read(
        _ value: JSON5Value, configurationFile: String?, metrics: [MetricDefinition]?, _ problems: inout Problems
    ) -> [Board] {
        var found: [Board] = []
        func take(_ element: JSON5Value, _ path: String, in file: String, _ problems: inout Problems) {
            var wrong: [BoardJSON.Problem] = []
            let board = BoardJSON.read(element, path: path, metrics: metrics, problems: &wrong)
            for one in wrong { problems.add(.file(file, one.position), path: one.path, one.detail) }
            guard let board else { return }
            if found.contains(where: { $0.name == board.name }) {
                let path = path.isEmpty ? "name" : "\(path).name"
                problems.add(.file(file, element.position), path: path, "\"\(board.name)\" is defined twice")
            }
            found.append(board)
        }
        func takeFile(_ name: JSON5Value, _ text: String, _ path: String, _ problems: inout Problems) {
            guard let configurationFile else { return }
            let file = self.path(of: text, from: configurationFile)
            do {
                let content = try JSON5.parse(try readFile(file, maxBytes: maxFileBytes))
                for (index, element) in (content.elements ?? [content]).enumerated() {
                    take(element, content.elements == nil ? "" : "[\(index)]", in: file, &problems)
                }
            } catch let error as JSON5Error {
                problems.add(.file(file, error.position), error.message)
            } catch {
                problems.add(path, at: name.position, "\(error)")
            }
        }
        if let text = value.string {
            takeFile(value, text, key, &problems)
        } else if let elements = value.elements {
            for (index, element) in elements.enumerated() {
                let path = "\(key)[\(index)]"
                if let text = element.string {
                    takeFile(element, text, path, &problems)
                } else {
                    take(element, path, in: problems.file, &problems)
                }
            }
        } else {
            let detail = "must be a list of boards, or the name of a file that holds them, not \(value.kindName)"
            problems.add(key, at: value.position, detail)
        }
        return found
    }

    private static func path(of file: String, from configurationFile: String) -> String {
        guard !file.hasPrefix("/"), let slash = configurationFile.lastIndex(of: "/") else { return file }
        return configurationFile[...slash] + file
    }
}
