import Foundation
import Service
import TestKit
import Testing

/// docs/configuration.md against what the executable itself says: whoever adds a setting has to describe it.
@Suite("The document of settings", .tags(.integration), .timeLimit(.minutes(1)))
struct ConfigurationDocumentTests {
    private static let document: [Substring] = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = (try? String(contentsOf: root.appending(path: "docs/configuration.md"), encoding: .utf8)) ?? ""
        return text.split(separator: "\n")
    }()

    /// What a help page says of an option.
    private struct Option {
        var name: String
        var variable: String?
        var key: String?
    }

    @Test(
        "every option has a row, with its variable and its key",
        arguments: [
            "up", "serve", "work", "compact", "generate", "send", "query", "export", "doctor", "migrate",
            "scripts load",
        ])
    func everyOptionHasARow(command: String) async throws {
        let words = command.split(separator: " ").map(String.init)
        let help = try await WeirProcess.run(words + ["--help"])
        let options = Self.options(help.output)
        try #require(options.count > 2, "\(help.output)")
        for option in options where option.name != "--help" && option.name != "--version" {
            let rows = Self.document.filter { line in
                line.contains("`\(option.name) ") || line.contains("`\(option.name)`")
                    || line.contains("`\(option.name)\\")
            }
            #expect(!rows.isEmpty, "weir \(command) has \(option.name), and the document says nothing of it")
            for word in [option.variable, option.key].compactMap({ $0 }) {
                #expect(
                    rows.contains { $0.contains("`\(word)`") } || Self.document.contains { $0.contains("`\(word)`") },
                    "weir \(command) \(option.name): `\(word)` is not in the document")
            }
        }
    }

    private static func options(_ lines: [String]) -> [Option] {
        var options: [Option] = []
        var notes = ""
        func value(_ name: String) -> String? {
            guard let start = notes.range(of: "\(name): ") else { return nil }
            return String(notes[start.upperBound...].prefix { $0 != "," && $0 != "]" })
        }
        func close() {
            guard let last = options.indices.last else { return }
            options[last].variable = value("env")
            options[last].key = value("key")
            notes = ""
        }
        for line in lines {
            let text = line.trimmingCharacters(in: .whitespaces)
            if line.hasPrefix("  --") {
                close()
                options.append(Option(name: String(text.prefix { $0 != " " && $0 != "[" })))
            }
            notes += " " + text
        }
        close()
        return options
    }
}
