/// One file of the page, ready to be sent.
package struct DashboardFile: Sendable, Equatable {
    package let bytes: [UInt8]
    /// The value of `Content-Type`.
    package let contentType: String
    /// Tells this version of the file from others, in hexadecimal; it changes with the bytes only.
    package let fingerprint: String

    init(bytes: [UInt8], name: String) {
        self.bytes = bytes
        contentType = Self.contentType(of: name)
        fingerprint = String(Self.fingerprint(of: bytes), radix: 16)
    }

    private static func contentType(of name: String) -> String {
        switch name.split(separator: ".").last {
        case "html": "text/html; charset=utf-8"
        case "js": "text/javascript; charset=utf-8"
        case "css": "text/css; charset=utf-8"
        case "svg": "image/svg+xml"
        case "json": "application/json"
        case "yaml": "application/yaml"
        default: "application/octet-stream"
        }
    }

    /// FNV-1a, 64 bits: our own files and a Debian package's, so that nobody chooses them to collide.
    private static func fingerprint(of bytes: [UInt8]) -> UInt64 {
        bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}
