import Glibc

/// Looks at the machine's processes, for tests that promise to leave none behind.
///
/// A process that has ended and only waits to be noticed by its parent counts as gone.
package enum ProcessTable {
    /// Whether the process runs, or is stopped.
    package static func isAlive(_ pid: Int32) -> Bool { status(of: pid) != nil }

    /// The processes that descend from `pid`, without itself.
    package static func descendants(of pid: Int32) -> [Int32] {
        let parents = all().compactMap { pid in status(of: pid).map { (pid, $0.parent) } }
        var found: [Int32] = []
        var next = [pid]
        while let ancestor = next.popLast() {
            let children = parents.filter { $0.1 == ancestor }.map(\.0)
            found += children
            next += children
        }
        return found
    }

    /// The processes whose command line names `path`, or which work in a folder below it, and all their descendants.
    ///
    /// Where a process works can be seen of one's own processes, and of others' only with the right to trace them, which
    /// root in a container lacks: keep the ids while the parents live, and ask `isAlive` later.
    package static func using(_ path: String) -> [Int32] {
        let named = all().filter { pid in
            guard pid != getpid(), isAlive(pid) else { return false }
            let arguments = (try? readFile("/proc/\(pid)/cmdline")) ?? []
            if String(decoding: arguments, as: UTF8.self).contains(path) { return true }
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = readlink("/proc/\(pid)/cwd", &buffer, buffer.count)
            return count > 0 && String(decoding: buffer[..<count], as: UTF8.self).hasPrefix(path)
        }
        return Set(named + named.flatMap(descendants)).sorted()
    }

    private static func all() -> [Int32] {
        guard let folder = opendir("/proc") else { return [] }
        defer { closedir(folder) }
        var found: [Int32] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if let pid = Int32(name) { found.append(pid) }
        }
        return found
    }

    private static func status(of pid: Int32) -> (state: Character, parent: Int32)? {
        guard let file = try? readFile("/proc/\(pid)/stat") else { return nil }
        // `pid (name) state parent …`; the name may hold anything.
        let text = String(decoding: file, as: UTF8.self)
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 1, let state = fields[0].first, let parent = Int32(fields[1]) else { return nil }
        return state == "Z" || state == "X" ? nil : (state, parent)
    }
}
