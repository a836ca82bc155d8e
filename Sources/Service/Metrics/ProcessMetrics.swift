internal import Glibc

extension MetricsRegistry {
    /// Adds the metrics that every Prometheus client gives about its process, read from /proc at each scrape.
    package func addProcessMetrics() {
        function(.counter, "process_cpu_seconds_total", help: "User and system CPU time spent, in seconds.") {
            ProcessStatus.read()?.cpuSeconds ?? .nan
        }
        function(.gauge, "process_resident_memory_bytes", help: "Resident memory size in bytes.") {
            ProcessStatus.read()?.residentBytes ?? .nan
        }
        function(.gauge, "process_virtual_memory_bytes", help: "Virtual memory size in bytes.") {
            ProcessStatus.read()?.virtualBytes ?? .nan
        }
        function(.gauge, "process_start_time_seconds", help: "Start of the process, in seconds since 1970.") {
            ProcessStatus.read()?.startSeconds ?? .nan
        }
        function(.gauge, "process_open_fds", help: "Number of open file descriptors.") {
            openDescriptors().map { Double($0.count) } ?? .nan
        }
        function(.gauge, "process_max_fds", help: "Greatest number of open file descriptors.") {
            var limit = rlimit()
            return unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
                ? Double(limit.rlim_cur) : .nan
        }
    }
}

/// What /proc/self/stat says about this process.
struct ProcessStatus {
    let cpuSeconds: Double
    let virtualBytes: Double
    let residentBytes: Double
    let startSeconds: Double

    /// Nil where /proc is missing.
    static func read() -> ProcessStatus? {
        guard let bytes = try? readFile("/proc/self/stat"), let bootSeconds else { return nil }
        return ProcessStatus(
            stat: String(decoding: bytes, as: UTF8.self), bootSeconds: bootSeconds,
            ticksPerSecond: Double(sysconf(Int32(_SC_CLK_TCK))), pageBytes: Double(sysconf(Int32(_SC_PAGESIZE))))
    }

    init?(stat: String, bootSeconds: Double, ticksPerSecond: Double, pageBytes: Double) {
        // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
        guard let end = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: end)...].split(whereSeparator: \.isWhitespace)
        // proc(5) counts from 1, and the first two are gone.
        func field(_ number: Int) -> Double? { fields.count > number - 3 ? Double(fields[number - 3]) : nil }
        guard let user = field(14), let system = field(15), let start = field(22), let virtual = field(23),
            let residentPages = field(24)
        else { return nil }
        cpuSeconds = (user + system) / ticksPerSecond
        virtualBytes = virtual
        residentBytes = residentPages * pageBytes
        startSeconds = bootSeconds + start / ticksPerSecond
    }

    private static let bootSeconds: Double? = {
        guard let bytes = try? readFile("/proc/stat") else { return nil }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        return lines.first { $0.hasPrefix("btime ") }.flatMap { Double($0.dropFirst(6)) }
    }()
}

/// The numbers of the descriptors this process has open; nil where /proc is missing.
func openDescriptors() -> [Int32]? {
    guard let folder = unsafe opendir("/proc/self/fd") else { return nil }
    defer { unsafe closedir(folder) }
    let own = unsafe dirfd(folder)
    var numbers: [Int32] = []
    while let entry = unsafe readdir(folder) {
        let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
        }
        if let number = Int32(name), number != own { numbers.append(number) }
    }
    return numbers
}
