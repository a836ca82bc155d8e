/// What a command takes beside its options.
package struct Positional: Sendable {
    let placeholder: String
    let help: String
    let count: ClosedRange<Int>

    /// `count` is how many the command takes: `0...0` none, `1...1` exactly one, `0 ... .max` any number.
    package init(_ placeholder: String, count: ClosedRange<Int>, help: String) {
        self.placeholder = placeholder
        self.count = count
        self.help = help
    }

    var usage: String {
        let one = count.upperBound > 1 ? "\(placeholder) …" : placeholder
        return count.lowerBound == 0 ? "[\(one)]" : one
    }
}

/// One thing the program can do, with its settings.
package struct Command: Sendable {
    /// One word, or several for a command in a group: `serve`, `scripts load`.
    package let name: String
    let summary: String
    let details: String
    let settings: [SettingDeclaration]
    let positional: Positional?
    let check: @Sendable (Settings, inout Problems) -> Void

    /// Declares a command.
    ///
    /// - Parameters:
    ///   - name: one word, or several for a command in a group.
    ///   - summary: one line for the list of commands.
    ///   - details: more for the command's own help page.
    ///   - settings: what can be set, in the order of the help page.
    ///   - positional: what it takes beside options; nothing if nil.
    ///   - check: looks at settings that depend on each other.
    package init(
        _ name: String, summary: String, details: String = "", settings: [any AnySetting] = [],
        positional: Positional? = nil, check: @escaping @Sendable (Settings, inout Problems) -> Void = { _, _ in }
    ) {
        self.name = name
        self.summary = summary
        self.details = details
        self.settings = settings.map(\.declaration) + StandardSettings.all.map(\.declaration)
        self.positional = positional
        self.check = check
        precondition(
            Set(self.settings.map(\.name)).count == self.settings.count, "\(name) declares an option twice")
    }

    var words: [Substring] { name.split(separator: " ") }
}

/// The settings that every command has.
package enum StandardSettings {
    private static let group = "General options"

    /// `--config`, `WEIR_CONFIG`
    package static let configuration = Setting(
        optional: "config", .text("FILE"), environment: "WEIR_CONFIG", group: group,
        help: "The configuration file (JSON5).")
    /// `--check-config`
    package static let checkConfiguration = Setting(
        flag: "check-config", group: group, help: "Check all settings, print them, and stop.")
    /// `--log-format`
    package static let logFormat = Setting(
        "log-format", .choice(), default: LogFormat.auto, environment: "WEIR_LOG_FORMAT", key: "log_format",
        group: group, help: "How log lines look; auto is human on a terminal and json elsewhere.")
    /// `--log-level`
    package static let logLevel = Setting(
        "log-level", .choice(), default: LogLevel.info, environment: "WEIR_LOG_LEVEL", key: "log_level", group: group,
        help: "The least level that is logged.")

    static let all: [any AnySetting] = [configuration, checkConfiguration, logFormat, logLevel]
}

/// A part of the configuration file that another module reads, such as the list of metrics.
package struct ConfigurationSection: Sendable {
    let key: String
    let check: @Sendable (JSON5Value, inout Problems) -> Void

    /// Claims the top-level `key`; `check` adds what is wrong with its value.
    package init(_ key: String, check: @escaping @Sendable (JSON5Value, inout Problems) -> Void) {
        self.key = key
        self.check = check
    }
}
