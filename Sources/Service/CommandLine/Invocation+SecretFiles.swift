extension Invocation {
    /// `environment` with the secrets that files hold: `WEIR_TOKEN_FILE=/run/secrets/token` for `WEIR_TOKEN`, as container
    /// images have it. Only for the command's settings that are secrets; the white space around a secret is left out.
    ///
    /// - Parameters:
    ///   - environment: the variables of the process.
    ///   - read: gives the content of a file.
    /// - Returns: the variables, as if the secrets had been set directly.
    /// - Throws: `UsageError` that names each variable whose file cannot be read or is empty, or that is set in both ways.
    package func readingSecretFiles(
        _ environment: [String: String], read: (String) throws -> [UInt8]
    ) throws(UsageError) -> [String: String] {
        var environment = environment
        var lines: [String] = []
        for setting in command.settings where setting.isSecret {
            guard let name = setting.environment else { continue }
            let file = "\(name)_FILE"
            guard let path = environment[file], !path.isEmpty else { continue }
            if environment[name]?.isEmpty == false {
                lines.append(
                    "\(programName): \(file): \(name) is set too, and only one of them can count; unset the other")
                continue
            }
            do {
                let text = String(decoding: try read(path), as: UTF8.self)
                guard let start = text.firstIndex(where: { !$0.isWhitespace }),
                    let end = text.lastIndex(where: { !$0.isWhitespace })
                else {
                    lines.append("\(programName): \(file): \(path) is empty; the value of \(name) is to stand in it")
                    continue
                }
                environment[name] = String(text[start...end])
            } catch {
                lines.append("\(programName): \(file): \(error)")
            }
        }
        if lines.isEmpty { return environment }
        throw UsageError(.configuration, lines)
    }
}
