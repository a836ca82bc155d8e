internal import CPostgres

/// A text that no description, dump or log shows.
package struct Password: Sendable, CustomStringConvertible, CustomReflectable {
    let text: String

    package init(_ text: String) { self.text = text }

    package var description: String { "***" }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// A message of the server that is no error.
package struct PostgresNotice: Sendable {
    /// `NOTICE`, `WARNING`, `INFO`, `LOG` or `DEBUG`.
    package let severity: String
    package let message: String
    package let sqlState: String
    package let hint: String?
    /// Whether it is the word of a statement's author (`RAISE`), not of the server, which mentions every `IF EXISTS`.
    package let isRaised: Bool
}

/// How connections to PostgreSQL behave.
package struct PostgresConfiguration: Sendable {
    /// The options of the connection string by name, without the password.
    let options: [String: String]
    let password: Password?
    /// What `pg_stat_activity` shows, unless the connection string says it.
    package var applicationName = "weir"
    /// For the look-up of the name, the connection and the handshake together. Default 5 s.
    package var connectTimeout = Duration.seconds(5)
    /// How long a statement may take, unless the call says otherwise. Default 30 s.
    package var statementTimeout = Duration.seconds(30)
    /// How long a cancelled statement may take to end before its connection is given up; with 0 it is given up at once, and the
    /// server is not asked to cancel. Default 2 s.
    package var cancelGrace = Duration.seconds(2)
    /// Statements that a connection keeps prepared; those after them are sent as text each time. Default 200.
    package var maxPreparedStatements = 200
    /// Told of the server's notices, on the loop.
    package var onNotice: (@Sendable (PostgresNotice) -> Void)?

    /// Reads any connection string of libpq, `postgres://…` or `host=… dbname=…`.
    ///
    /// - Throws: `.badConfiguration` with libpq's reason.
    package init(_ connectionString: String) throws(PostgresError) {
        var message: UnsafeMutablePointer<CChar>?
        guard let list = PQconninfoParse(connectionString, &message) else {
            defer { PQfreemem(message) }
            // libpq quotes what it does not understand, which may be the password.
            let isShort = !connectionString.contains("password") && !connectionString.contains("@")
            let reason = isShort ? message.map { trimmed(String(cString: $0)) } : nil
            throw PostgresError(.badConfiguration, "connection string", reason ?? "it cannot be read")
        }
        defer { PQconninfoFree(list) }
        var options: [String: String] = [:]
        var option = list
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { options[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        password = options.removeValue(forKey: "password").map(Password.init)
        self.options = options
    }
}

/// A text of libpq without the line break at its end.
func trimmed(_ text: String) -> String {
    var text = Substring(text)
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
}
