import Assets
import Dashboard
import Foundation
import Testing

@Suite("Dashboard files") struct DashboardTests {
    private let library = FileManager.default.temporaryDirectory.appending(path: "weir-library-\(UUID().uuidString)")

    private func makeLibrary(_ files: [String: String]) throws {
        try FileManager.default.createDirectory(at: library, withIntermediateDirectories: true)
        for (name, text) in files { try Data(text.utf8).write(to: library.appending(path: name)) }
    }

    @Test func thePageIsServedAtTheRoot() throws {
        let page = try #require(DashboardFiles(libraryFolder: library.path).file(path: "/"))
        #expect(page.contentType == "text/html; charset=utf-8")
        #expect(String(decoding: page.bytes, as: UTF8.self).hasPrefix("<!doctype html>"))
    }

    @Test(arguments: [
        ("/assets/weir.js", "text/javascript; charset=utf-8"), ("/assets/app.css", "text/css; charset=utf-8"),
        ("/assets/icon.svg", "image/svg+xml"),
    ])
    func ownFilesHaveTheirTypes(path: String, type: String) throws {
        #expect(try #require(DashboardFiles(libraryFolder: library.path).file(path: path)).contentType == type)
    }

    /// What the page, its modules and its style sheets refer to must be answered, or the page breaks in the browser only.
    @Test func everyReferenceLeadsToAFile() throws {
        try makeLibrary(["dygraph.min.js": "x", "dygraph.min.css": "x"])
        let dashboard = DashboardFiles(libraryFolder: library.path)
        let reference = /(?:src="|href="|from '|import\('|import ')((?:\.\/|\/)[^"']+)["']/
        var found = 0
        for path in dashboard.paths where !path.contains("/vendor/") {
            let text = String(decoding: try #require(dashboard.file(path: path)).bytes, as: UTF8.self)
            for match in text.matches(of: reference) where !match.output.1.hasPrefix("/api/") {
                let target = String(match.output.1).replacing("./", with: "/assets/")
                #expect(dashboard.file(path: target) != nil, "\(path) refers to \(target)")
                found += 1
            }
        }
        #expect(found > 5)
    }

    @Test func ownFilesStaySmall() {
        let total = Asset.under("Sources/Dashboard/Assets/").reduce(0) { $0 + $1.count }
        #expect(total < 120 * 1024)
    }

    @Test func theLibraryComesFromItsFolder() throws {
        try makeLibrary(["dygraph.min.js": "var Dygraph;", "dygraph.min.css": ".x{}", "secret.js": "no"])
        let dashboard = DashboardFiles(libraryFolder: library.path)
        #expect(dashboard.missingLibraryFiles.isEmpty)
        #expect(dashboard.file(path: "/assets/vendor/dygraph.min.js")?.bytes == Array("var Dygraph;".utf8))
        #expect(dashboard.file(path: "/assets/vendor/secret.js") == nil)
    }

    @Test func aMissingLibraryIsNamedAndThePageStaysThere() {
        let dashboard = DashboardFiles(libraryFolder: library.path)
        #expect(dashboard.missingLibraryFiles == ["dygraph.min.js", "dygraph.min.css"])
        #expect(dashboard.file(path: "/assets/vendor/dygraph.min.js") == nil)
        #expect(dashboard.file(path: "/") != nil)
    }

    @Test(arguments: ["", "/index.htm", "/assets/", "/assets/../index.html", "/assets/vendor/../../etc/passwd", "//"])
    func otherPathsAreNotAnswered(path: String) {
        #expect(DashboardFiles(libraryFolder: library.path).file(path: path) == nil)
    }

    @Test func theEtagFollowsTheBytes() throws {
        try makeLibrary(["dygraph.min.js": "one", "dygraph.min.css": "x"])
        let first = try #require(
            DashboardFiles(libraryFolder: library.path).file(path: "/assets/vendor/dygraph.min.js"))
        let again = try #require(
            DashboardFiles(libraryFolder: library.path).file(path: "/assets/vendor/dygraph.min.js"))
        #expect(first == again)
        #expect(!first.fingerprint.isEmpty)
        try makeLibrary(["dygraph.min.js": "two"])
        let second = try #require(
            DashboardFiles(libraryFolder: library.path).file(path: "/assets/vendor/dygraph.min.js"))
        #expect(second.fingerprint != first.fingerprint)
    }
}
