import Analytics
import TestKit
import Testing

@Suite("Condition")
struct ConditionTests {
    private func ask(_ source: String, _ event: [String: Written]) throws -> Bool? {
        var table = FieldTable()
        let condition = BoundCondition(try Condition(parsing: source), table: &table)
        let event = TestEvent(event, table: table)
        return condition.holds(for: event.fields, in: event.bytes.span)
    }

    private static let event: [String: Written] = [
        "status": .number("500"), "text": "500", "float": .number("5e2"), "level": "info", "ok": .bool(true),
        "yes": "true",
        "empty": "", "tab": .escaped("a\tb"), "deep.er": .number("-1.5"),
    ]

    @Test(arguments: [
        // Numbers, however they are written.
        ("status == 500", true), ("status == 500.0", true), ("status == 5e2", true), ("text == 500", true),
        ("float == 500", true), ("status != 500", false), ("status < 500", false), ("status <= 500", true),
        ("status > 499.9", true), ("status >= 501", false), ("status>=500", true), ("deep.er == -1.5", true),
        ("deep.er < .5", true),
        // A text that is no number is unlike every number and neither smaller nor larger.
        ("level == 500", false), ("level != 500", true), ("level < 500", false), ("level >= 500", false),
        ("ok == 1", false),
        // Texts, by their bytes; a number's text is its canonical one.
        ("level == \"info\"", true), ("level == 'info'", true), ("level != 'warn'", true), ("level < 'warn'", true),
        ("level >= 'inf'", true), ("level > 'info'", false), ("status == '500'", true), ("float == '500'", true),
        ("float == '5e2'", false), ("empty == ''", true), ("empty < 'a'", true), ("level == 'it\\'s'", false),
        ("tab == 'a\tb'", true),
        // Truth.
        ("ok == true", true), ("ok != true", false), ("ok == false", false), ("yes == true", true),
        ("ok == 'true'", true),
        // Lists.
        ("status in [404, 500]", true), ("status in [404]", false), ("level in ['info', 500, true]", true),
        ("status not in [500]", false), ("level not in ['warn', 'error']", true),
        // Precedence: not before and before or.
        ("ok == false and ok == true or ok == true", true), ("ok == true or ok == true and ok == false", true),
        ("(ok == true or ok == true) and ok == false", false), ("not ok == false and ok == false", false),
        ("not (ok == false and ok == false)", true), ("not not ok == true", true),
    ])
    func decides(source: String, holds: Bool) throws { #expect(try ask(source, Self.event) == holds) }

    @Test(
        "a missing field is unknown unless the rest decides",
        arguments: [
            ("gone == 1", nil), ("gone != 1", nil), ("gone in [1]", nil), ("gone not in [1]", nil),
            ("not gone == 1", nil),
            ("gone == 'x'", nil), ("gone == 1 and ok == true", nil), ("gone == 1 and ok == false", false),
            ("ok == false and gone == 1", false), ("gone == 1 or ok == true", true), ("ok == true or gone == 1", true),
            ("gone == 1 or ok == false", nil), ("not (gone == 1 and ok == false)", true),
            ("gone == 1 or gone == 2", nil),
        ] as [(String, Bool?)])
    func isUnknown(source: String, holds: Bool?) throws { #expect(try ask(source, Self.event) == holds) }

    @Test("a condition at random decides as its tree does", arguments: Seed.range(300))
    func agreesWithANaiveReading(seed: Seed) throws {
        var rng = SplitMix64(seed)
        let tree = ConditionTree.random(depth: 5, using: &rng)
        let source = tree.source(using: &rng)
        for _ in 0..<8 {
            var event: [String: Int] = [:]
            for name in ["a", "b", "c"] where Int.random(in: 0..<4, using: &rng) > 0 {
                event[name] = .random(in: 0..<3, using: &rng)
            }
            #expect(
                try ask(source, event.mapValues { .number("\($0)") }) == tree.holds(event), "\(source) for \(event)")
        }
    }

    @Test func sameMeaningIsEqualAndNamesItsFields() throws {
        let condition = try Condition(parsing: "  status>=500 and (level in ['a','b'] or not x.y==1)")
        #expect(condition == (try Condition(parsing: "status >= 500.0 and (level in [\"a\", \"b\"] or not x.y == 1)")))
        #expect(condition != (try Condition(parsing: "status >= 500")))
        #expect(condition.fields == ["status", "level", "x.y"])
    }
}

/// A condition as a tree of its own, with the plainest reading of three-valued logic.
private indirect enum ConditionTree {
    case compare(String, String, Int)
    case contains(String, [Int])
    case not(ConditionTree)
    case and(ConditionTree, ConditionTree)
    case or(ConditionTree, ConditionTree)

    static func random(depth: Int, using rng: inout SplitMix64) -> ConditionTree {
        let field = ["a", "b", "c"].randomElement(using: &rng) ?? "a"
        switch depth == 0 ? Int.random(in: 0..<2, using: &rng) : .random(in: 0..<7, using: &rng) {
        case 0:
            let sign = ["==", "!=", "<", "<=", ">", ">="].randomElement(using: &rng) ?? "=="
            return .compare(field, sign, .random(in: 0..<3, using: &rng))
        case 1: return .contains(field, (0...Int.random(in: 0...2, using: &rng)).map { $0 * 2 })
        case 2: return .not(.random(depth: depth - 1, using: &rng))
        case 3, 4: return .and(.random(depth: depth - 1, using: &rng), .random(depth: depth - 1, using: &rng))
        default: return .or(.random(depth: depth - 1, using: &rng), .random(depth: depth - 1, using: &rng))
        }
    }

    func holds(_ event: [String: Int]) -> Bool? {
        switch self {
        case .compare(let field, let sign, let number):
            guard let value = event[field] else { return nil }
            return switch sign {
            case "==": value == number
            case "!=": value != number
            case "<": value < number
            case "<=": value <= number
            case ">": value > number
            default: value >= number
            }
        case .contains(let field, let numbers): return event[field].map(numbers.contains)
        case .not(let inner): return inner.holds(event).map { !$0 }
        case .and(let a, let b):
            let both = [a.holds(event), b.holds(event)]
            return both.contains(false) ? false : both.contains(nil) ? nil : true
        case .or(let a, let b):
            let both = [a.holds(event), b.holds(event)]
            return both.contains(true) ? true : both.contains(nil) ? nil : false
        }
    }

    /// Written with the parentheses it needs, sometimes more, and blanks where they may be.
    func source(using rng: inout SplitMix64) -> String {
        let blank = [" ", "  ", "\t", "\n"].randomElement(using: &rng) ?? " "
        let text: String
        switch self {
        case .compare(let field, let sign, let number):
            text = Bool.random(using: &rng) ? "\(field)\(sign)\(number)" : "\(field) \(sign) \(number)"
        case .contains(let field, let numbers):
            text = "\(field)\(blank)in[\(numbers.map { "\($0)" }.joined(separator: ", "))]"
        case .not(let inner): text = "not\(blank)\(inner.wrapped(3, &rng))"
        case .and(let a, let b): text = "\(a.wrapped(2, &rng))\(blank)and\(blank)\(b.wrapped(3, &rng))"
        case .or(let a, let b): text = "\(a.wrapped(1, &rng))\(blank)or\(blank)\(b.wrapped(2, &rng))"
        }
        return Int.random(in: 0..<8, using: &rng) == 0 ? "(\(text))" : text
    }

    private var precedence: Int {
        switch self {
        case .or: 1
        case .and: 2
        case .not, .compare, .contains: 3
        }
    }

    private func wrapped(_ least: Int, _ rng: inout SplitMix64) -> String {
        let text = source(using: &rng)
        return precedence < least ? "(\(text))" : text
    }
}
