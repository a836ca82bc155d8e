extension Program {
    private static let width = 96

    /// The page of `--help` without a command.
    package var help: String {
        var page = "\(name) - \(summary)\n\nUsage: \(name) COMMAND [options]\n\nCommands\n"
        page += table(commands.map { ($0.name, [$0.summary]) })
        return page + "\n\(name) COMMAND --help tells all about one; \(name) --version names the version.\n"
    }

    /// The page of `weir COMMAND --help`.
    package func help(for command: Command) -> String {
        let positional = command.positional.map { " \($0.usage)" } ?? ""
        var page =
            "\(name) \(command.name) - \(command.summary)\n\nUsage: \(name) \(command.name) [options]\(positional)\n"
        if !command.details.isEmpty {
            page += "\n" + wrapped(command.details, width: Program.width).joined(separator: "\n") + "\n"
        }
        if let positional = command.positional { page += "\n" + table([(positional.placeholder, [positional.help])]) }
        var groups: [String] = []
        for setting in command.settings where !groups.contains(setting.group) { groups.append(setting.group) }
        let column = column(for: command.settings.map(row))
        for group in groups {
            page += "\n\(group)\n" + table(command.settings.filter { $0.group == group }.map(row), column: column)
        }
        return page
    }

    func help(forGroup group: String, _ commands: [Command]) -> String {
        "Usage: \(name) \(group) COMMAND [options]\n\nCommands\n" + table(commands.map { ($0.name, [$0.summary]) })
    }

    private func row(_ setting: SettingDeclaration) -> (String, [String]) {
        var facts: [String] = []
        if let text = setting.defaultText { facts.append("default: \(text)") }
        if let text = setting.bareText { facts.append("alone: \(text)") }
        if let name = setting.environment { facts.append("env: \(name)") }
        if let key = setting.key { facts.append("key: \(key)") }
        if setting.shape == .repeated { facts.append("may be repeated") }
        let value = setting.bareText == nil ? setting.placeholder : "[\(setting.placeholder)]"
        let option = setting.shape == .flag ? "--\(setting.name)" : "--\(setting.name) \(value)"
        return (option, [setting.help] + (facts.isEmpty ? [] : ["[\(facts.joined(separator: ", "))]"]))
    }

    /// Where the right column begins: one long option must not push all others away.
    private func column(for rows: [(String, [String])]) -> Int {
        (rows.map(\.0.count).filter { $0 <= 26 }.max() ?? 26) + 4
    }

    /// Two columns; a left side too long for its column gets a line of its own.
    private func table(_ rows: [(String, [String])], column: Int? = nil) -> String {
        let column = column ?? self.column(for: rows)
        var page = ""
        for (left, paragraphs) in rows {
            let lines = paragraphs.flatMap { wrapped($0, width: Program.width - column) }
            var rest = lines[...]
            page += "  \(left)"
            if left.count + 4 <= column, let first = rest.popFirst() {
                page += String(repeating: " ", count: column - 2 - left.count) + first
            }
            page += "\n"
            for line in rest { page += String(repeating: " ", count: column) + line + "\n" }
        }
        return page
    }

    private func wrapped(_ text: String, width: Int) -> [String] {
        var lines: [String] = []
        for paragraph in text.split(separator: "\n", omittingEmptySubsequences: false) {
            var line = ""
            for word in paragraph.split(separator: " ") {
                if !line.isEmpty, line.count + 1 + word.count > width {
                    lines.append(line)
                    line = ""
                }
                line += (line.isEmpty ? "" : " ") + word
            }
            lines.append(line)
        }
        return lines
    }
}
