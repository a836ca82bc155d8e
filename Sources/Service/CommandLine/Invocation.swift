/// A command with the options given to it, before the environment and the configuration file have been looked at.
package struct Invocation: Sendable {
    /// The command that was asked for.
    package let command: Command
    private let program: Program
    private var options: [String: [String]] = [:]
    private var positionals: [String] = []

    private var prefix: String { "\(program.name) \(command.name)" }
    var programName: String { program.name }

    init(program: Program, command: Command, arguments: [String]) throws(UsageError) {
        self.program = program
        self.command = command
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--" {
                positionals += rest
                break
            }
            if argument.hasPrefix("-"), argument != "-" {
                try take(option: argument, &rest)
            } else {
                positionals.append(argument)
            }
        }
        try checkPositionals()
        // Bad values on the command line are reported before any file is opened.
        for setting in command.settings {
            guard let texts = options[setting.name] else { continue }
            if case .failure(let rejection) = setting.value(of: texts) {
                throw UsageError(.usage, ["\(prefix): --\(setting.name): \(rejection.message)"])
            }
        }
    }

    private mutating func take(option argument: String, _ rest: inout ArraySlice<String>) throws(UsageError) {
        let equals = argument.firstIndex(of: "=")
        let flag = String(argument[..<(equals ?? argument.endIndex)])
        var value = equals.map { String(argument[argument.index(after: $0)...]) }
        guard let setting = command.settings.first(where: { "--\($0.name)" == flag }) else {
            let hint = closest(to: flag, among: command.settings.map { "--\($0.name)" })
            throw UsageError(
                .usage,
                [
                    "\(prefix): no option \(flag)\(hint.map { "; did you mean \($0)?" } ?? "") (\(prefix) --help lists them)"
                ])
        }
        if value == nil, setting.shape == .flag { value = "true" }
        if value == nil, let bare = setting.bareText {
            // What follows is only taken where it can be meant: `--watch 5s`, but not `--watch response_time`.
            if let next = rest.first, case .success = setting.value(of: [next]) {
                value = rest.popFirst()
            } else {
                value = bare
            }
        }
        if value == nil, let next = rest.first, !next.hasPrefix("--") { value = rest.popFirst() }
        guard let value else {
            throw UsageError(.usage, ["\(prefix): \(flag) needs a value: \(flag) \(setting.placeholder)"])
        }
        options[setting.name, default: []].append(value)
    }

    private func checkPositionals() throws(UsageError) {
        guard let positional = command.positional else {
            guard let first = positionals.first else { return }
            throw UsageError(.usage, ["\(prefix): '\(first)' is too much; the command takes only options"])
        }
        if positionals.count < positional.count.lowerBound {
            throw UsageError(.usage, ["\(prefix): \(positional.placeholder) is missing; \(positional.help)"])
        }
        if positionals.count > positional.count.upperBound {
            throw UsageError(.usage, ["\(prefix): '\(positionals[positional.count.upperBound])' is too much"])
        }
    }

    /// The configuration file to read, by `--config` or its variable; nil for the built-in defaults.
    package func configurationPath(environment: [String: String]) -> String? {
        let setting = StandardSettings.configuration.declaration
        if let path = options[setting.name]?.last { return path }
        return setting.environment.flatMap { environment[$0] }.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The values of all settings: option before environment before file before default.
    ///
    /// Throws `UsageError` with every problem there is, each with its place.
    package func settings(
        environment: [String: String], configuration: ConfigurationFile?
    ) throws(UsageError) -> Settings {
        var problems = Problems(file: configuration?.name ?? "")
        if let configuration {
            ConfigurationCheck(program: program).check(configuration.root, &problems)
        }
        var settings = Settings(command: command.name, arguments: positionals, configuration: configuration)
        for setting in command.settings {
            settings.entries[setting.name] = resolve(setting, environment, configuration, &problems)
        }
        // Checks across settings would only repeat what is wrong with single ones.
        if problems.isEmpty { command.check(settings, &problems) }
        if problems.isEmpty { return settings }
        let onlyOptions = problems.all.allSatisfy {
            if case .option = $0.place { true } else { false }
        }
        let onePrefix = onlyOptions ? prefix : program.name
        throw UsageError(onlyOptions ? .usage : .configuration, problems.all.map { "\(onePrefix): \($0)" })
    }

    private func resolve(
        _ setting: SettingDeclaration, _ environment: [String: String], _ configuration: ConfigurationFile?,
        _ problems: inout Problems
    ) -> Settings.Entry {
        func entry(_ texts: [String], _ origin: SettingOrigin) -> Settings.Entry? {
            guard case .success(let value) = setting.value(of: texts) else { return nil }
            let text = setting.isSecret ? "***" : texts.joined(separator: ", ")
            return Settings.Entry(value: value, text: text, origin: origin)
        }
        let fallback = Settings.Entry(
            value: setting.defaultValue, text: setting.defaultText ?? (setting.shape == .flag ? "false" : "none"),
            origin: .builtIn)
        if let texts = options[setting.name] { return entry(texts, .option) ?? fallback }
        if let name = setting.environment, let text = environment[name], !text.isEmpty {
            let texts = setting.shape == .repeated ? text.split(separator: ",").map { trimmed($0) } : [text]
            if let entry = entry(texts, .environment(name)) { return entry }
            if case .failure(let rejection) = setting.value(of: texts) {
                problems.add(.environment(name), rejection.message)
            }
            return fallback
        }
        // What is wrong in the file has been collected before, for all commands.
        guard let key = setting.key, let root = configuration?.root else { return fallback }
        for path in ["\(command.name).\(key)", key] {
            let value = path.split(separator: ".").reduce(Optional(root)) { $0?[String($1)] }
            if let value, case .success(let texts) = setting.texts(of: value) {
                return entry(texts, .file(path: path, value.position)) ?? fallback
            }
        }
        return fallback
    }

    private func trimmed(_ text: Substring) -> String {
        let start = text.drop { $0 == " " }
        return String(start[..<(start.lastIndex { $0 != " " }.map { start.index(after: $0) } ?? start.startIndex)])
    }
}

/// Looks for unknown keys and bad values in a configuration file, whichever command they are for: all processes share one
/// file, and a slip in another's setting is better found now than at its next start.
///
/// A setting may stand at the top (`listen: …`) or in an object named like a command (`work: { listen: … }`), which then
/// holds for that command alone.
struct ConfigurationCheck {
    private var settings: [String: SettingDeclaration] = [:]
    private let sections: [String: ConfigurationSection]

    init(program: Program) {
        sections = Dictionary(uniqueKeysWithValues: program.sections.map { ($0.key, $0) })
        for command in program.commands {
            for setting in command.settings {
                guard let key = setting.key else { continue }
                settings[key] = settings[key] ?? setting
                if command.words.count == 1 { settings["\(command.name).\(key)"] = setting }
            }
        }
    }

    func check(_ root: JSON5Value, _ problems: inout Problems) { check(root, at: "", &problems) }

    private func check(_ object: JSON5Value, at path: String, _ problems: inout Problems) {
        for member in object.members ?? [] {
            let inner = path.isEmpty ? member.key : "\(path).\(member.key)"
            if let setting = settings[inner] {
                check(member.value, against: setting, at: inner, &problems)
            } else if path.isEmpty, let section = sections[member.key] {
                section.check(member.value, &problems)
            } else if settings.keys.contains(where: { $0.hasPrefix(inner + ".") }) {
                if member.value.members == nil {
                    problems.add(inner, at: member.value.position, "expected an object, found \(member.value.kindName)")
                }
                check(member.value, at: inner, &problems)
            } else {
                let known =
                    settings.keys.sorted().filter { !path.isEmpty || !$0.contains(".") } + sections.keys.sorted()
                let hint = closest(to: inner, among: known).map { "; did you mean \($0)?" } ?? ""
                problems.add(inner, at: member.keyPosition, "no such key\(hint)")
            }
        }
    }

    private func check(
        _ value: JSON5Value, against setting: SettingDeclaration, at path: String, _ problems: inout Problems
    ) {
        switch setting.texts(of: value) {
        case .failure(let rejection): problems.add(path, at: value.position, rejection.message)
        case .success(let texts):
            if case .failure(let rejection) = setting.value(of: texts) {
                problems.add(path, at: value.position, rejection.message)
            }
        }
    }
}
