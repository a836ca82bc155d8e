import Analytics
import Testing

@Suite("Label filter")
struct LabelFilterTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let patterns: String
        let keeps: [String]
        let drops: [String]

        var testDescription: String { patterns }
    }

    static let cases = [
        Case(patterns: "a", keeps: ["a"], drops: ["b", "aa", ""]),
        Case(patterns: "a,b", keeps: ["a", "b"], drops: ["c", "a,b"]),
        Case(patterns: "!a", keeps: ["b", ""], drops: ["a"]),
        Case(patterns: "!a,!b", keeps: ["c"], drops: ["a", "b"]),
        Case(patterns: "a*,!ab", keeps: ["a", "ac", "abc"], drops: ["ab", "b"]),
        Case(patterns: "*", keeps: ["a", ""], drops: []),
        Case(patterns: "/api/*", keeps: ["/api/", "/api/pay"], drops: ["/api", "/web/api/"]),
        Case(patterns: "*pay", keeps: ["pay", "/pay"], drops: ["payed"]),
        Case(patterns: "a*b*c", keeps: ["abc", "axbxc", "abbc"], drops: ["ac", "acb", "ab"]),
        Case(patterns: "ab*ba", keeps: ["abba", "abxba"], drops: ["aba"]),
        Case(patterns: "*a*a*", keeps: ["aa", "xaya"], drops: ["a", "xay"]),
        Case(patterns: #"a\,b"#, keeps: ["a,b"], drops: ["a", "b"]),
        Case(patterns: #"\!a"#, keeps: ["!a"], drops: ["a", "b"]),
        Case(patterns: #"\*"#, keeps: ["*"], drops: ["a"]),
        Case(patterns: #"a\\"#, keeps: [#"a\"#], drops: ["a", #"a\\"#]),
        Case(patterns: #"a\"#, keeps: [#"a\"#], drops: ["a"]),
        Case(patterns: "a!", keeps: ["a!"], drops: ["a"]),
        Case(patterns: "", keeps: [""], drops: ["a"]),
        Case(patterns: "ü*", keeps: ["ü", "über"], drops: ["u"]),
    ]

    @Test(arguments: cases)
    func keepsAndDrops(_ example: Case) {
        var filter = LabelFilter()
        filter.add(label: "x", patterns: example.patterns)
        for value in example.keeps { #expect(filter.matches(labels(value)), "\(example.patterns) keeps '\(value)'") }
        for value in example.drops { #expect(!filter.matches(labels(value)), "\(example.patterns) drops '\(value)'") }
    }

    @Test func seriesWithoutTheLabelStayUnlessAPatternMustMatch() {
        var exclusion = LabelFilter()
        exclusion.add(label: "x", patterns: "!a")
        #expect(exclusion.matches(.none) && exclusion.matches(.overflow))
        var wildcard = LabelFilter()
        wildcard.add(label: "x", patterns: "*")
        #expect(!wildcard.matches(.none))
    }

    @Test func allConditionsMustHold() {
        var filter = LabelFilter()
        #expect(filter.isEmpty && filter.matches(labels("a")))
        filter.add(label: "y", patterns: "1")
        filter.add(label: "x", patterns: "a*")
        #expect(filter.labels == ["x", "y"])
        let both = LabelSet([.init(name: "x", value: "ab"), .init(name: "y", value: "1")])
        #expect(filter.matches(both))
        #expect(!filter.matches(labels("ab")))
    }

    @Test func sameConditionsInAnotherOrderAreTheSameFilter() {
        var one = LabelFilter()
        one.add(label: "a", patterns: "1")
        one.add(label: "b", patterns: "2")
        var other = LabelFilter()
        other.add(label: "b", patterns: "2")
        other.add(label: "a", patterns: "1")
        #expect(one == other && Set([one, other]).count == 1)
    }

    private func labels(_ value: String) -> LabelSet { LabelSet([.init(name: "x", value: value)]) }
}
