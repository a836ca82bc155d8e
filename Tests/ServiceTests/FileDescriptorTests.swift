import Foundation
import Glibc
import Service
import Testing

@Suite("Files") struct FileDescriptorTests {
    @Test func readsAFileWhole() throws {
        let path = NSTemporaryDirectory() + "weir-file-\(UUID().uuidString)"
        defer { unlink(path) }
        let content = [UInt8]((0..<100_000).map { UInt8(truncatingIfNeeded: $0) })
        try Data(content).write(to: URL(fileURLWithPath: path))
        #expect(try readFile(path) == content)
        #expect(throws: FileError(path: path, code: EFBIG)) { try readFile(path, maxBytes: 99_999) }
    }

    @Test func readsFilesThatHaveNoSize() throws {
        #expect(!(try readFile("/proc/self/stat")).isEmpty)
    }

    @Test func saysWhichFileIsMissing() {
        let error = #expect(throws: FileError.self) { try readFile("/does/not/exist") }
        #expect(error?.description == "/does/not/exist: No such file or directory")
        #expect(throws: FileError(path: "/", code: EISDIR)) { try readFile("/") }
    }

    @Test func semaphoreWaitsNoLongerThanAsked() {
        let semaphore = Semaphore()
        #expect(!semaphore.wait(timeout: .milliseconds(1)))
        semaphore.signal()
        #expect(semaphore.wait(timeout: .seconds(10)))
        #expect(!semaphore.wait(timeout: .zero))
    }
}
