/// What a process of ours ends with: 0, 1, or one of sysexits.h, so that scripts and service managers can tell why.
package struct ExitCode: RawRepresentable, Sendable, Equatable {
    package let rawValue: Int32

    package init(rawValue: Int32) { self.rawValue = rawValue }

    /// All went well.
    package static let success = ExitCode(rawValue: 0)
    /// It failed, and no other code says why.
    package static let failure = ExitCode(rawValue: 1)
    /// The command line is wrong (EX_USAGE).
    package static let usage = ExitCode(rawValue: 64)
    /// The input's content is wrong (EX_DATAERR).
    package static let dataError = ExitCode(rawValue: 65)
    /// An input file cannot be read (EX_NOINPUT).
    package static let noInput = ExitCode(rawValue: 66)
    /// A server that is needed is out of reach (EX_UNAVAILABLE).
    package static let unavailable = ExitCode(rawValue: 69)
    /// A mistake of ours (EX_SOFTWARE).
    package static let software = ExitCode(rawValue: 70)
    /// A file or folder cannot be made (EX_CANTCREAT).
    package static let cannotCreate = ExitCode(rawValue: 73)
    /// Reading or writing failed (EX_IOERR).
    package static let inputOutput = ExitCode(rawValue: 74)
    /// It may go well later (EX_TEMPFAIL).
    package static let tryLater = ExitCode(rawValue: 75)
    /// The server at the other end refuses the request, or is another than was thought (EX_PROTOCOL).
    package static let protocolError = ExitCode(rawValue: 76)
    /// The server at the other end does not accept the token (EX_NOPERM).
    package static let noPermission = ExitCode(rawValue: 77)
    /// The configuration or the environment is wrong (EX_CONFIG).
    package static let configuration = ExitCode(rawValue: 78)

    /// What a shell reports for a process that `signal` ended.
    package static func signal(_ signal: Int32) -> ExitCode { ExitCode(rawValue: 128 + signal) }
}
