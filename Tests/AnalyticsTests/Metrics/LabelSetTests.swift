import Analytics
import Testing

@Suite("Label set")
struct LabelSetTests {
    private let set = LabelSet([.init(name: "service", value: "pay"), .init(name: "endpoint", value: "/")])

    @Test func doesNotDependOnTheOrderOfLabels() {
        #expect(set.labels.map(\.name) == ["endpoint", "service"])
        #expect(set == LabelSet([.init(name: "endpoint", value: "/"), .init(name: "service", value: "pay")]))
        #expect(set["service"] == "pay")
        #expect(set["zone"] == nil)
    }

    @Test func keepsSomeLabels() {
        #expect(set.keeping(["service", "zone"]) == LabelSet([.init(name: "service", value: "pay")]))
        #expect(set.keeping([]) == .none)
    }

    @Test func differsWhereBytesDiffer() {
        let composed = LabelSet([.init(name: "city", value: "Orl\u{E9}ans")])
        let decomposed = LabelSet([.init(name: "city", value: "Orle\u{301}ans")])
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed]).count == 2)
        #expect(Set([composed, composed]).count == 1)
    }

    @Test func namesAGroupByLabelsAndUnusualLimit() {
        #expect(SeriesGroup(by: ["service", "endpoint"]).name == "endpoint,service")
        #expect(SeriesGroup(by: ["service"], maxSeries: 500).name == "service#500")
        #expect(SeriesGroup(by: []).name == "")
    }
}
