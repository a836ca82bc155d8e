/// Where a setting's value came from.
package enum SettingOrigin: Sendable, Equatable {
    case option
    case environment(String)
    case file(path: String, TextPosition)
    case builtIn
}

/// The values of a command's settings, all read and checked.
package struct Settings: Sendable {
    struct Entry: Sendable {
        let value: any Sendable
        let text: String
        let origin: SettingOrigin
    }

    /// The name of the command that was asked for: `serve`, `scripts load`.
    package let command: String
    /// What stands on the command line beside the options.
    package let arguments: [String]
    /// The configuration file, if one is in use.
    package let configuration: ConfigurationFile?
    var entries: [String: Entry] = [:]

    init(command: String, arguments: [String], configuration: ConfigurationFile?) {
        self.command = command
        self.arguments = arguments
        self.configuration = configuration
    }

    /// The value of `setting`, which the command must have declared.
    package subscript<Value>(setting: Setting<Value>) -> Value {
        guard let value = entries[setting.declaration.name]?.value as? Value else {
            preconditionFailure("\(command) does not declare --\(setting.declaration.name)")
        }
        return value
    }

    /// Where the value of `setting` came from, which the command must have declared.
    package func origin(of setting: some AnySetting) -> SettingOrigin {
        guard let entry = entries[setting.declaration.name] else {
            preconditionFailure("\(command) does not declare --\(setting.declaration.name)")
        }
        return entry.origin
    }

    func place(of setting: some AnySetting) -> (Problem.Place, path: String) {
        switch origin(of: setting) {
        case .option: (.option(setting.declaration.name), "")
        case .environment(let name): (.environment(name), "")
        case .file(let path, let position): (.file(configuration?.name ?? "", position), path)
        case .builtIn: (.option(setting.declaration.name), "")
        }
    }

    /// All settings as `name = value (origin)`, sorted by name; secrets as `***`.
    package var summary: [String] {
        entries.sorted { $0.key < $1.key }.map { name, entry in
            let origin =
                switch entry.origin {
                case .option: "option"
                case .environment(let name): name
                case .file(_, let position): "\(configuration?.name ?? ""):\(position)"
                case .builtIn: "default"
                }
            return "\(name) = \(entry.text) (\(origin))"
        }
    }
}

/// A configuration file as read: its name for messages and its content.
package struct ConfigurationFile: Sendable {
    package let name: String
    package let root: JSON5Value

    /// Reads `text`, which must be one JSON5 object.
    package init(name: String, text: [UInt8]) throws(UsageError) {
        do {
            root = try JSON5.parse(text)
        } catch {
            throw UsageError(.configuration, ["\(name):\(error)"])
        }
        guard root.members != nil else {
            throw UsageError(.configuration, ["\(name):\(root.position): expected an object, found \(root.kindName)"])
        }
        self.name = name
    }
}

/// A command line, environment or configuration that we refuse: what to print on standard error and how to exit.
package struct UsageError: Error, Equatable {
    package let exitCode: ExitCode
    /// One line each, without the program's name.
    package let lines: [String]

    /// Makes an error from what to say.
    package init(_ exitCode: ExitCode, _ lines: [String]) {
        self.exitCode = exitCode
        self.lines = lines
    }
}
