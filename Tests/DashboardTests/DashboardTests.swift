import Assets
import Foundation
import Testing

@testable import Dashboard

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
        let dashboard = DashboardFiles(libraryFolder: library.path)
        let own = dashboard.paths.filter { $0 == "/" || $0.hasPrefix("/assets/") }
        #expect(own.count > 10)
        #expect(own.reduce(0) { $0 + (dashboard.file(path: $1)?.bytes.count ?? 0) } < 120 * 1024)
    }

    /// What is served has the lines of its source, less comments and spaces.
    @Test func modulesAreServedWithoutCommentsUnderTheSameLineNumbers() throws {
        let dashboard = DashboardFiles(libraryFolder: library.path)
        let modules = dashboard.paths.compactMap { $0.hasSuffix(".js") ? $0.split(separator: "/").last : nil }
        #expect(modules.count > 15)
        for name in modules where !["weir.js", "series.js", "dygraph.min.js"].contains(name) {
            let source = try #require(Asset.named("Sources/Dashboard/Assets/\(name)")).text
            let served = String(decoding: try #require(dashboard.file(path: "/assets/\(name)")).bytes, as: UTF8.self)
            let lines = source.split(separator: "\n", omittingEmptySubsequences: false)
            let kept = served.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(lines.count == kept.count, "\(name)")
            for (line, other) in zip(lines, kept) {
                let text = line.drop { $0 == " " }
                let isComment = ["//", "/*", "* ", "*/"].contains { text.hasPrefix($0) }
                let note = line.firstRange(of: /[ ]+\/\/ .*$/)
                let code = (note.map { line[..<$0.lowerBound] } ?? line).filter { $0 != " " }
                #expect(other.filter { $0 != " " } == (isComment ? "" : code), "\(name): \(line)")
                #expect(!other.hasPrefix(" ") && !other.hasSuffix(" "), "\(name): \(line)")
            }
        }
    }

    @Test(arguments: [
        ("  const a = [1, 2]; // two\n", "const a=[1,2];\n"), ("a + +b - -c / d", "a + +b - -c / d"),
        ("let x = 'a , b' + \"c ; 'd' // e\";", "let x='a , b' + \"c ; 'd' // e\";"),
        ("`a , ${ b ? `c : ${ { d : 1 } }  e` : '}' } , f` ; g", "`a , ${b?`c : ${{d:1}}  e`:'}'} , f`;g"),
        ("s.replace(/[ /'\"] , ?/g, 'x , y')", "s.replace(/[ /'\"] , ?/g,'x , y')"),
        ("a / b / c", "a / b / c"), ("/* one\n  two */ if (a) return b", "\nif(a)return b"),
        ("'it\\'s , ok' , `\\` , ${a }`", "'it\\'s , ok',`\\` , ${a}`"),
        ("get #a() { return -1; }", "get #a(){return -1;}"),
    ])
    func onlySpacesThatSayNothingAreLeftOut(source: String, served: String) {
        #expect(String(decoding: PageScript.reduced(Array(source.utf8)), as: UTF8.self) == served)
    }

    @Test func theStyleSheetSaysTheSameInFewerBytes() throws {
        let source = """
            /* a
             b */
            .a:hover :is(b, i) > c { margin: 0 -1px; content: "" }

                @media (x: 1px) { .d { e: f } }

            """
        #expect(
            String(decoding: PageStyle.reduced(Array(source.utf8)), as: UTF8.self)
                == ".a:hover :is(b,i) > c{margin:0 -1px;content:\"\"}\n@media (x:1px){.d{e:f}}\n")
    }

    @Test func theClientIsServedAsItIs() throws {
        let client = try #require(DashboardFiles(libraryFolder: library.path).file(path: "/assets/weir.js"))
        #expect(client.bytes == Asset.named("Sources/Dashboard/Assets/weir.js")?.bytes)
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
