import Analytics
import Testing

@Suite("Condition parser")
struct ConditionParserTests {
    struct Mistake: Sendable {
        let source: String
        let column: Int
        let detail: String

        init(_ source: String, _ column: Int, _ detail: String) {
            self.source = source
            self.column = column
            self.detail = detail
        }
    }

    static let mistakes = [
        Mistake("", 1, "expected a field's name, found the end"),
        Mistake("   ", 4, "expected a field's name, found the end"),
        Mistake("status", 7, "expected == != < <= > >= or in, found the end"),
        Mistake("status = 5", 8, "expected == != < <= > >= or in, found \"=\"; write == to compare"),
        Mistake("status => 5", 8, "expected == != < <= > >= or in, found \"=>\""),
        Mistake("status === 5", 8, "expected == != < <= > >= or in, found \"===\""),
        Mistake("status 5", 8, "expected == != < <= > >= or in, found the number 5"),
        Mistake("status == ", 11, "expected a number or a text, found the end"),
        Mistake("level == info", 10, "expected a number or a text; write \"info\" in quotes if it is a text"),
        Mistake("level == 'info", 10, "the text is not closed: ' is missing"),
        Mistake("level == \"info\\\"", 10, "the text is not closed: \" is missing"),
        Mistake("status == 5x", 12, "expected \"and\", \"or\" or the end, found \"x\""),
        Mistake("status == 5-5", 11, "\"5-5\" is not a number"),
        Mistake("status == 1e400", 11, "\"1e400\" is not a number"),
        Mistake("status == ½", 11, "\"½\" is not a number"),
        Mistake("status == 5 status == 6", 13, "expected \"and\", \"or\" or the end, found \"status\""),
        Mistake("status == 5 && a == 6", 13, "expected \"and\", \"or\" or the end, found \"&\""),
        Mistake("status == 5 and", 16, "expected a field's name, found the end"),
        Mistake("and status == 5", 1, "expected a field's name, found \"and\""),
        Mistake("true == true", 1, "expected a field's name, found \"true\""),
        Mistake("500 == status", 1, "expected a field's name, found the number 500"),
        Mistake("'status' == 5", 1, "expected a field's name, found the text \"status\""),
        Mistake("(status == 5", 13, "expected \")\", found the end"),
        Mistake("status == 5)", 12, "expected \"and\", \"or\" or the end, found \")\""),
        Mistake("()", 2, "expected a field's name, found \")\""),
        Mistake("not", 4, "expected a field's name, found the end"),
        Mistake("status not 5", 12, "expected \"in\" after \"not\", found the number 5"),
        Mistake("status in 5", 11, "expected \"[\" after \"in\", found the number 5"),
        Mistake("status in []", 12, "expected a number or a text, found \"]\""),
        Mistake("status in [5", 13, "expected \",\" or \"]\", found the end"),
        Mistake("status in [5,]", 14, "expected a number or a text, found \"]\""),
        Mistake("status in [5 6]", 14, "expected \",\" or \"]\", found the number 6"),
        Mistake("é == 'ü' oder", 10, "expected \"and\", \"or\" or the end, found \"oder\""),
    ]

    @Test("says what is wrong and where", arguments: mistakes)
    func explains(_ mistake: Mistake) {
        let error = #expect(throws: ConditionError.self) { try Condition(parsing: mistake.source) }
        #expect(error?.description == "column \(mistake.column): \(mistake.detail)")
    }

    @Test func takesWhatNobodyNestsDeeper() throws {
        let deep = String(repeating: "(", count: 99) + "a == 1" + String(repeating: ")", count: 99)
        _ = try Condition(parsing: deep)
        _ = try Condition(parsing: String(repeating: "not ", count: 99) + "a == 1")
        for opening in ["(", "not "] {
            let tooDeep = String(repeating: opening, count: 100_000) + "a == 1"
            let error = #expect(throws: ConditionError.self) { try Condition(parsing: tooDeep) }
            #expect(error?.detail == "nested more than 100 deep")
        }
    }

    @Test func takesLongListsButNoEndlessChains() throws {
        let list = (0..<10_000).map { "\($0)" }.joined(separator: ",")
        _ = try Condition(parsing: "a in [\(list)]")
        _ = try Condition(parsing: Array(repeating: "a == 1", count: 500).joined(separator: " or "))
        let chain = Array(repeating: "a == 1", count: 100_000).joined(separator: " or ")
        let error = #expect(throws: ConditionError.self) { try Condition(parsing: chain) }
        #expect(error?.detail == "more than 500 comparisons; list values with \"in\"")
    }
}
