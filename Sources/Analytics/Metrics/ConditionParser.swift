/// Why a condition could not be read.
package struct ConditionError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Where, counted from 1.
    package let column: Int
    /// What was expected or wrong there.
    package let detail: String

    package var description: String { "column \(column): \(detail)" }
}

extension Condition {
    /// Reads a condition.
    ///
    /// ```
    /// or         = and { "or" and }
    /// and        = not { "and" not }
    /// not        = "not" not | "(" or ")" | field comparison
    /// comparison = ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) literal | [ "not" ] "in" "[" literal { "," literal } "]"
    /// literal    = number | 'text' | "text" | true | false
    /// field      = letter { letter | digit | "_" | "." | "-" }
    /// ```
    /// - Throws: `ConditionError` with the column of the first mistake.
    package init(parsing source: String) throws(ConditionError) {
        var parser = ConditionParser(source)
        root = try parser.parse()
        self.source = source
    }
}

private struct ConditionParser {
    private enum Token: Equatable {
        case word(String), number(Double), text(String), symbol(String), end
    }

    private let characters: [Character]
    private var position = 0
    private var token = Token.end
    private var tokenColumn = 1
    private var depth = 0
    private var comparisons = 0

    init(_ source: String) { characters = Array(source) }

    mutating func parse() throws(ConditionError) -> Condition.Node {
        try advance()
        let node = try disjunction()
        guard token == .end else { throw fail("expected \"and\", \"or\" or the end, found \(describe(token))") }
        return node
    }

    private mutating func disjunction() throws(ConditionError) -> Condition.Node {
        var node = try conjunction()
        while token == .word("or") {
            try advance()
            node = .or(node, try conjunction())
        }
        return node
    }

    private mutating func conjunction() throws(ConditionError) -> Condition.Node {
        var node = try negation()
        while token == .word("and") {
            try advance()
            node = .and(node, try negation())
        }
        return node
    }

    private mutating func negation() throws(ConditionError) -> Condition.Node {
        depth += 1
        defer { depth -= 1 }
        guard depth <= 100 else { throw fail("nested more than 100 deep") }
        if token == .word("not") {
            try advance()
            return .not(try negation())
        }
        if token == .symbol("(") {
            try advance()
            let node = try disjunction()
            guard token == .symbol(")") else { throw fail("expected \")\", found \(describe(token))") }
            try advance()
            return node
        }
        return try comparison()
    }

    private mutating func comparison() throws(ConditionError) -> Condition.Node {
        // A long chain of `or` is as deep as it is long.
        comparisons += 1
        guard comparisons <= 500 else { throw fail("more than 500 comparisons; list values with \"in\"") }
        guard case .word(let field) = token, !["and", "or", "in", "true", "false"].contains(field) else {
            throw fail("expected a field's name, found \(describe(token))")
        }
        try advance()
        if token == .word("in") { return .contains(field: field, try literals()) }
        if token == .word("not") {
            try advance()
            guard token == .word("in") else { throw fail("expected \"in\" after \"not\", found \(describe(token))") }
            return .not(.contains(field: field, try literals()))
        }
        guard case .symbol(let symbol) = token, let comparison = Condition.Comparison(rawValue: symbol) else {
            let hint = token == .symbol("=") ? "; write == to compare" : ""
            throw fail("expected == != < <= > >= or in, found \(describe(token))\(hint)")
        }
        try advance()
        return .compare(field: field, comparison, try literal())
    }

    private mutating func literals() throws(ConditionError) -> [Condition.Literal] {
        try advance()
        guard token == .symbol("[") else { throw fail("expected \"[\" after \"in\", found \(describe(token))") }
        var literals: [Condition.Literal] = []
        repeat {
            try advance()
            literals.append(try literal())
        } while token == .symbol(",")
        guard token == .symbol("]") else { throw fail("expected \",\" or \"]\", found \(describe(token))") }
        try advance()
        return literals
    }

    private mutating func literal() throws(ConditionError) -> Condition.Literal {
        let literal: Condition.Literal
        switch token {
        case .number(let number): literal = .number(number)
        case .text(let text): literal = .text(text)
        case .word("true"): literal = .bool(true)
        case .word("false"): literal = .bool(false)
        case .word(let word): throw fail("expected a number or a text; write \"\(word)\" in quotes if it is a text")
        default: throw fail("expected a number or a text, found \(describe(token))")
        }
        try advance()
        return literal
    }

    private mutating func advance() throws(ConditionError) {
        while position < characters.count && characters[position].isWhitespace { position += 1 }
        tokenColumn = position + 1
        guard position < characters.count else {
            token = .end
            return
        }
        let character = characters[position]
        if character == "\"" || character == "'" {
            token = .text(try quoted(character))
        } else if character.isNumber || character == "-" || character == "." {
            token = .number(try number())
        } else if character.isLetter || character == "_" {
            token = .word(take { $0.isLetter || $0.isNumber || "_.-".contains($0) })
        } else if "=!<>".contains(character) {
            token = .symbol(take { "=!<>".contains($0) })
        } else {
            position += 1
            token = .symbol(String(character))
        }
    }

    private mutating func take(while belongs: (Character) -> Bool) -> String {
        let start = position
        while position < characters.count && belongs(characters[position]) { position += 1 }
        return String(characters[start..<position])
    }

    private mutating func number() throws(ConditionError) -> Double {
        let text = take { $0.isNumber || "+-.eE".contains($0) }
        let bytes = Array(text.utf8)
        guard let number = parseNumber(bytes.span, 0..<bytes.count) else { throw fail("\"\(text)\" is not a number") }
        return number
    }

    private mutating func quoted(_ quote: Character) throws(ConditionError) -> String {
        position += 1
        var text = ""
        while position < characters.count {
            let character = characters[position]
            position += 1
            if character == quote { return text }
            if character == "\\" && position < characters.count {
                text.append(characters[position])
                position += 1
            } else {
                text.append(character)
            }
        }
        throw fail("the text is not closed: \(quote) is missing")
    }

    private func fail(_ detail: String) -> ConditionError { ConditionError(column: tokenColumn, detail: detail) }

    private func describe(_ token: Token) -> String {
        switch token {
        case .word(let word), .symbol(let word): "\"\(word)\""
        case .number(let number): "the number \(canonicalText(of: number))"
        case .text(let text): "the text \"\(text)\""
        case .end: "the end"
        }
    }
}
