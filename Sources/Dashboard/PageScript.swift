/// Makes the page's own modules lighter to load: comments, indentation and spaces that say nothing stay in the repository; lines
/// keep their numbers, so that an error in the browser names the line of the source.
///
/// It knows texts, templates and regular expressions, and leaves them as they are. A regular expression is told from a division
/// by what stands before it, as `=`, `(` or `,`; one that comes after a word, as in `return /x/`, is not known as one and may
/// hold no quotes and no two slashes.
struct PageScript {
    private static let newline = UInt8(ascii: "\n")
    private static let space = UInt8(ascii: " ")
    /// Beside these no space is needed. Not `+`, `-`, `/`, `*` and `!`: two of them mean something else than each alone.
    private static let tight = Set(",;:(){}=[]<>&|?".utf8)
    private static let beforeExpression = Set("(,=:[!&|?{};>\n".utf8)

    private let source: [UInt8]
    private var at = 0
    private var result: [UInt8] = []
    /// For each template that we are in an expression of, how many of the expression's braces are open.
    private var braces: [Int] = []

    private init(_ source: [UInt8]) {
        self.source = source
        result.reserveCapacity(source.count)
    }

    /// The module without what is for its readers only.
    static func reduced(_ source: [UInt8]) -> [UInt8] {
        var script = PageScript(source)
        while script.at < source.count { script.step() }
        return script.result
    }

    private func isNext(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard at + count <= source.count else { return false }
        return text.withUTF8Buffer { unsafe source[at..<at + count].elementsEqual($0) }
    }

    /// Takes the next piece of the source.
    private mutating func step() {
        let byte = source[at]
        switch byte {
        case UInt8(ascii: "'"), UInt8(ascii: "\""): takeText(until: byte)
        case UInt8(ascii: "`"): takeTemplate()
        case UInt8(ascii: "}") where braces.last == 0:
            braces.removeLast()
            takeTemplate()
        case UInt8(ascii: "/") where isNext("//"): skipLine()
        case UInt8(ascii: "/") where isNext("/*"): skipComment()
        case UInt8(ascii: "/") where Self.beforeExpression.contains(result.last { $0 != Self.space } ?? Self.newline):
            takeExpression()
        case Self.space: takeSpace()
        default:
            if byte == UInt8(ascii: "{"), !braces.isEmpty { braces[braces.count - 1] += 1 }
            if byte == UInt8(ascii: "}"), !braces.isEmpty { braces[braces.count - 1] -= 1 }
            take()
        }
    }

    private mutating func take() {
        result.append(source[at])
        at += 1
    }

    /// Takes one character, and with a backslash the one after it.
    private mutating func takeEscaped() {
        if source[at] == UInt8(ascii: "\\"), at + 1 < source.count { take() }
        take()
    }

    private mutating func takeText(until end: UInt8) {
        take()
        while at < source.count, source[at] != end { takeEscaped() }
        if at < source.count { take() }
    }

    /// Takes a template, or the rest of one, up to its end or the next expression in it.
    private mutating func takeTemplate() {
        take()
        while at < source.count {
            if isNext("${") {
                braces.append(0)
                take()
                return take()
            }
            if source[at] == UInt8(ascii: "`") { return take() }
            takeEscaped()
        }
    }

    private mutating func takeExpression() {
        take()
        var isInSet = false
        while at < source.count, isInSet || source[at] != UInt8(ascii: "/") {
            if source[at] == UInt8(ascii: "[") { isInSet = true }
            if source[at] == UInt8(ascii: "]") { isInSet = false }
            takeEscaped()
        }
        if at < source.count { take() }
    }

    private mutating func skipLine() {
        while result.last == Self.space { result.removeLast() }
        while at < source.count, source[at] != Self.newline { at += 1 }
    }

    private mutating func skipComment() {
        while at < source.count, !isNext("*/") {
            if source[at] == Self.newline { result.append(Self.newline) }
            at += 1
        }
        at = min(at + 2, source.count)
    }

    private mutating func takeSpace() {
        let (before, after) = (result.last ?? Self.newline, at + 1 < source.count ? source[at + 1] : Self.newline)
        let isNeeded = ![before, after].contains { $0 == Self.space || $0 == Self.newline || Self.tight.contains($0) }
        if isNeeded { take() } else { at += 1 }
    }
}
