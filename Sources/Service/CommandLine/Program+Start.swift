internal import Glibc

extension Program {
    /// Reads the command line, the environment and the configuration file of this process.
    ///
    /// Returns only with settings to run by. Help, the version and `--check-config` are printed on standard output, and what
    /// is wrong on standard error; then the process exits.
    package func start() -> Settings {
        do throws(UsageError) {
            switch try request(Array(CommandLine.arguments.dropFirst())) {
            case .show(let text): leave(.success, text, to: STDOUT_FILENO)
            case .run(let invocation):
                let environment = try invocation.readingSecretFiles(processEnvironment()) {
                    try readFile($0, maxBytes: 64 << 10)
                }
                let file = try invocation.configurationPath(environment: environment).map(readConfiguration)
                let settings = try invocation.settings(environment: environment, configuration: file)
                guard settings[StandardSettings.checkConfiguration] else { return settings }
                let lines = settings.summary + ["configuration is good"]
                leave(.success, lines.map { $0 + "\n" }.joined(), to: STDOUT_FILENO)
            }
        } catch {
            leave(error.exitCode, error.lines.map { $0 + "\n" }.joined(), to: STDERR_FILENO)
        }
    }

    private func readConfiguration(_ path: String) throws(UsageError) -> ConfigurationFile {
        let text: [UInt8]
        do {
            text = try readFile(path, maxBytes: 4 << 20)
        } catch {
            throw UsageError(.configuration, ["\(name): \(error)"])
        }
        return try ConfigurationFile(name: path, text: text)
    }

    private func leave(_ code: ExitCode, _ text: String, to descriptor: Int32) -> Never {
        writeFully(Array(text.utf8), to: descriptor)
        exit(code.rawValue)
    }
}

/// The variables of this process; where a name stands twice the first counts, as for `getenv`.
package func processEnvironment() -> [String: String] {
    var variables: [String: String] = [:]
    var next = unsafe environ
    while let entry = unsafe next.pointee {
        let text = unsafe String(cString: entry)
        if let equals = text.firstIndex(of: "=") {
            let name = String(text[..<equals])
            variables[name] = variables[name] ?? String(text[text.index(after: equals)...])
        }
        unsafe next += 1
    }
    return variables
}
