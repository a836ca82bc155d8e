/// A condition over an event's fields: `status >= 500 and not (level in ["debug", "trace"])`.
///
/// A comparison with a field that is missing is neither true nor false; the whole is then unknown unless the rest decides it,
/// as in SQL.
package struct Condition: Equatable, Sendable {
    /// What fields are compared with.
    package enum Literal: Equatable, Sendable {
        case number(Double)
        case text(String)
        case bool(Bool)
    }

    /// How a field is compared; the raw value is how it is written.
    package enum Comparison: String, Sendable {
        case equal = "=="
        case notEqual = "!="
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
    }

    indirect enum Node: Equatable, Sendable {
        case compare(field: String, Comparison, Literal)
        case contains(field: String, [Literal])
        case not(Node)
        case and(Node, Node)
        case or(Node, Node)
    }

    /// As it was written.
    package let source: String
    let root: Node

    /// The fields it looks at.
    package var fields: [String] {
        func collect(_ node: Node) -> [String] {
            switch node {
            case .compare(let field, _, _), .contains(let field, _): [field]
            case .not(let inner): collect(inner)
            case .and(let a, let b), .or(let a, let b): collect(a) + collect(b)
            }
        }
        return collect(root)
    }

    package static func == (a: Condition, b: Condition) -> Bool { a.root == b.root }
}

/// A condition bound to the slots of a field table, ready to be asked of events.
package struct BoundCondition: Sendable {
    private indirect enum Node: Sendable {
        case compareNumber(slot: Int, Condition.Comparison, Double)
        case compareText(slot: Int, Condition.Comparison, [UInt8])
        case anyOf([Node])
        case not(Node)
        case and(Node, Node)
        case or(Node, Node)
    }

    private let root: Node

    package init(_ condition: Condition, table: inout FieldTable) {
        root = Self.bind(condition.root, &table)
    }

    /// Whether the condition holds for an event; nil where a field that decides it is missing.
    package func holds(for event: EventFields, in bytes: Span<UInt8>) -> Bool? { Self.evaluate(root, event, bytes) }

    private static func bind(_ node: Condition.Node, _ table: inout FieldTable) -> Node {
        switch node {
        case .compare(let field, let comparison, let literal):
            return compare(table.slot(adding: field), comparison, literal)
        case .contains(let field, let literals):
            let slot = table.slot(adding: field)
            return .anyOf(literals.map { compare(slot, .equal, $0) })
        case .not(let inner): return .not(bind(inner, &table))
        case .and(let a, let b): return .and(bind(a, &table), bind(b, &table))
        case .or(let a, let b): return .or(bind(a, &table), bind(b, &table))
        }
    }

    private static func compare(_ slot: Int, _ comparison: Condition.Comparison, _ literal: Condition.Literal) -> Node {
        switch literal {
        case .number(let number): .compareNumber(slot: slot, comparison, number)
        case .text(let text): .compareText(slot: slot, comparison, Array(text.utf8))
        case .bool(let bool): .compareText(slot: slot, comparison, Array((bool ? "true" : "false").utf8))
        }
    }

    private static func evaluate(_ node: Node, _ event: EventFields, _ bytes: Span<UInt8>) -> Bool? {
        switch node {
        case .compareNumber(let slot, let comparison, let number):
            guard event.isPresent(slot) else { return nil }
            // A field whose text is no number differs from every number and is neither smaller nor larger.
            guard let value = event.number(slot, in: bytes) else { return comparison == .notEqual }
            return comparison.holds(value, number)
        case .compareText(let slot, let comparison, let text):
            guard event.isPresent(slot) else { return nil }
            var value: [UInt8] = []
            event.appendText(slot, in: bytes, to: &value)
            return comparison.holds(value, text)
        case .anyOf(let nodes):
            var isUnknown = false
            for node in nodes {
                guard let one = evaluate(node, event, bytes) else {
                    isUnknown = true
                    continue
                }
                if one { return true }
            }
            return isUnknown ? nil : false
        case .not(let inner):
            return evaluate(inner, event, bytes).map { !$0 }
        case .and(let a, let b):
            let left = evaluate(a, event, bytes)
            if left == false { return false }
            let right = evaluate(b, event, bytes)
            if right == false { return false }
            return left == nil || right == nil ? nil : true
        case .or(let a, let b):
            let left = evaluate(a, event, bytes)
            if left == true { return true }
            let right = evaluate(b, event, bytes)
            if right == true { return true }
            return left == nil || right == nil ? nil : false
        }
    }
}

extension Condition.Comparison {
    func holds(_ a: Double, _ b: Double) -> Bool {
        switch self {
        case .equal: a == b
        case .notEqual: a != b
        case .less: a < b
        case .lessOrEqual: a <= b
        case .greater: a > b
        case .greaterOrEqual: a >= b
        }
    }

    func holds(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        switch self {
        case .equal: a == b
        case .notEqual: a != b
        case .less: a.lexicographicallyPrecedes(b)
        case .lessOrEqual: !b.lexicographicallyPrecedes(a)
        case .greater: b.lexicographicallyPrecedes(a)
        case .greaterOrEqual: !a.lexicographicallyPrecedes(b)
        }
    }
}
