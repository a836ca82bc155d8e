import Glibc
import Synchronization

/// A folder of its own that vanishes with this object, at the latest with the test run.
package final class TemporaryFolder: Sendable {
    /// Absolute, without a slash at the end.
    package let path: String

    private static let living = Mutex<Set<String>>([])

    /// - Parameters:
    ///   - name: part of the folder's name, for people who look.
    ///   - owner: the user whom it will belong to; the current one unless told.
    /// - Throws: `TestKitError` with the system's reason.
    package init(_ name: String = "files", owner: UserAccount? = nil) throws {
        _ = Self.housekeeping
        var template = Array("\(Self.prefix)\(getpid())-\(name)-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw TestKitError("no temporary folder: \(String(cString: strerror(errno)))")
        }
        path = template.withUnsafeBufferPointer {
            String(decoding: UnsafeRawBufferPointer($0).dropLast(), as: UTF8.self)
        }
        Self.living.withLock { _ = $0.insert(path) }
        if let owner { chown(path, owner.id, owner.group) }
    }

    deinit {
        Self.remove(path)
        Self.living.withLock { _ = $0.remove(path) }
    }

    /// The path of something inside.
    package func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file into the folder and returns its path.
    package func write(_ text: String, to name: String) throws -> String {
        let path = file(name)
        guard let stream = fopen(path, "w") else {
            throw TestKitError("cannot write \(path): \(String(cString: strerror(errno)))")
        }
        defer { fclose(stream) }
        fputs(text, stream)
        return path
    }

    /// The bytes of a file in the folder.
    package func read(_ name: String) throws -> [UInt8] { try readFile(file(name)) }

    private static var prefix: String { "\(environmentVariable("TMPDIR") ?? "/tmp")/weir-test-" }

    /// Removes at exit what still lives, and now what a killed run has left behind.
    private static let housekeeping: Void = {
        atexit {
            ChildProcess.killAll()
            TemporaryFolder.living.withLock { $0 }.forEach(TemporaryFolder.remove)
        }
        let start = prefix
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(start + "*", 0, nil, &found) == 0, let paths = found.gl_pathv else { return }
        for index in 0..<Int(found.gl_pathc) {
            guard let raw = paths[index] else { continue }
            let path = String(cString: raw)
            guard let pid = pid_t(path.dropFirst(start.count).prefix { $0 != "-" }) else { continue }
            if kill(pid, 0) != 0, errno == ESRCH { remove(path) }
        }
    }()

    private static func remove(_ path: String) {
        if Glibc.remove(path) == 0 || errno == ENOENT { return }
        guard let folder = opendir(path) else { return }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { remove("\(path)/\(name)") }
        }
        closedir(folder)
        rmdir(path)
    }
}

/// The whole content of a file.
func readFile(_ path: String) throws -> [UInt8] {
    guard let stream = fopen(path, "r") else {
        throw TestKitError("cannot read \(path): \(String(cString: strerror(errno)))")
    }
    defer { fclose(stream) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = fread(&chunk, 1, chunk.count, stream)
        if count == 0 { return bytes }
        bytes += chunk[..<count]
    }
}

/// A variable of this process; nil where it has none of this name.
package func environmentVariable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
