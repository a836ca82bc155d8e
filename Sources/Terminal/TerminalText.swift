/// Text as a terminal shows it.
package enum TerminalText {
    /// `text` without what a terminal would obey: control characters and changes of direction are spelled out.
    package static func printable(_ text: String) -> String {
        var shown = ""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x0A: shown += "\\n"
            case 0x0D: shown += "\\r"
            case 0x09: shown += "\\t"
            case 0..<0x20, 0x7F..<0xA0:
                shown += "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            case 0x202A...0x202E, 0x2066...0x2069: shown += "\\u{\(String(scalar.value, radix: 16))}"
            default: shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }

    /// How many columns `text` takes, where it is printable: two for the wide characters of East Asia and pictures, none for
    /// marks on the letter before.
    package static func width(_ text: String) -> Int {
        text.unicodeScalars.reduce(0) { $0 + width($1) }
    }

    /// `text` cut to at most `width` columns, with an ellipsis where something is missing.
    package static func cut(_ text: String, to width: Int) -> String {
        guard self.width(text) > width else { return text }
        var (shown, used) = ("", 0)
        for character in text {
            let wide = self.width(String(character))
            if used + wide > width - 1 { break }
            shown.append(character)
            used += wide
        }
        return width > 0 ? shown + "…" : ""
    }

    /// `text` filled up with spaces to `width` columns, on its left where `isRight`.
    static func padded(_ text: String, to width: Int, isRight: Bool = false) -> String {
        let fill = String(repeating: " ", count: max(0, width - self.width(text)))
        return isRight ? fill + text : text + fill
    }

    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
        0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1F9FF, 0x20000...0x3FFFD,
    ]

    private static func width(_ scalar: Unicode.Scalar) -> Int {
        if scalar.value < 0x300 { return 1 }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: return wide.contains { $0.contains(scalar.value) } ? 2 : 1
        }
    }
}
