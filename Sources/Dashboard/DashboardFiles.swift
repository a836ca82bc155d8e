import Assets

/// The page and all that it loads: our own files, built in, and the chart library from its Debian package. And the
/// description of the API.
///
/// Made once at start-up; immutable, so any thread may ask it.
package struct DashboardFiles: Sendable {
    /// Where Debian's and Ubuntu's package `libjs-dygraphs` puts the chart library.
    package static let defaultLibraryFolder = "/usr/share/javascript/dygraphs"

    /// The value of `Content-Security-Policy` for every file of the page: our own origin and nothing else.
    ///
    /// Styles are set by style sheets and through the DOM; neither needs an exception.
    package static let contentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    /// The files of the chart library that could not be read; the page then says which package to install.
    package let missingLibraryFiles: [String]
    private let files: [String: DashboardFile]

    /// Reads the chart library (about 130 KB), which blocks; do it before the loops run.
    ///
    /// - Parameter libraryFolder: the folder that holds the library's files.
    package init(libraryFolder: String = DashboardFiles.defaultLibraryFolder) {
        var files: [String: DashboardFile] = [:]
        for asset in Asset.under(Self.source) {
            let name = String(asset.path.dropFirst(Self.source.count))
            let bytes =
                switch name.split(separator: ".").last {
                // The client is for others too, who read it where it is served.
                case "js" where !Self.clientFiles.contains(name): PageScript.reduced(asset.bytes)
                case "css": PageStyle.reduced(asset.bytes)
                default: asset.bytes
                }
            files[name == "index.html" ? "/" : "/assets/\(name)"] = DashboardFile(bytes: bytes, name: name)
        }
        if let description = Asset.named("openapi.yaml") {
            files["/openapi.yaml"] = DashboardFile(bytes: description.bytes, name: "openapi.yaml")
        }
        var missing: [String] = []
        for name in Self.libraryFiles {
            if let bytes = SmallFile.bytes(ofFileAt: "\(libraryFolder)/\(name)") {
                files["/assets/vendor/\(name)"] = DashboardFile(bytes: bytes, name: name)
            } else {
                missing.append(name)
            }
        }
        self.files = files
        missingLibraryFiles = missing
    }

    /// The file that answers a request for `path`: `/`, `/openapi.yaml`, `/assets/<file>` or
    /// `/assets/vendor/<file>`, without a query.
    ///
    /// Nothing but the closed set of files is ever looked up, so no path leads out of the folders.
    package func file(path: String) -> DashboardFile? { files[path] }

    /// Every path that `file(path:)` answers, in order.
    package var paths: [String] { files.keys.sorted() }

    private static let source = "Sources/Dashboard/Assets/"
    private static let clientFiles: Set = ["weir.js", "series.js"]
    private static let libraryFiles = ["dygraph.min.js", "dygraph.min.css"]
}
