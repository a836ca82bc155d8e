package import Wire

/// What went wrong with a request, as `application/problem+json` (RFC 9457).
package struct Problem: Sendable, Hashable {
    package let status: HTTPStatus
    /// A URI that stands for this kind of problem; `about:blank` where the status says it all.
    package let type: String
    /// What to do about it, for people.
    package let detail: String

    package init(status: HTTPStatus, type: String = "about:blank", detail: String) {
        self.status = status
        self.type = type
        self.detail = detail
    }

    /// `{"type":…,"title":…,"status":…,"detail":…}`, the title being the status' phrase.
    package var json: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(contentsOf: "{\"type\":".utf8)
        append(type, to: &bytes)
        bytes.append(contentsOf: ",\"title\":".utf8)
        append(status.reason, to: &bytes)
        bytes.append(contentsOf: ",\"status\":\(status.code),\"detail\":".utf8)
        append(detail, to: &bytes)
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    private func append(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0..<32:
                let digits = Array("0123456789abcdef".utf8)
                bytes.append(contentsOf: "\\u00".utf8)
                bytes += [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
