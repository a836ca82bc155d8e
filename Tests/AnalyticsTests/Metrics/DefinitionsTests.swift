import Analytics
import Testing

@Suite("Definitions")
struct DefinitionsTests {
    private let start: Definitions

    init() throws {
        let empty = Definitions(version: 0, metrics: [])
        start = try #require(empty.updated(to: [Self.metric("a"), Self.metric("b", by: ["x"])]).definitions)
    }

    private static func metric(_ name: String, kind: MetricKind = .counter, by: [String] = []) -> MetricDefinition {
        MetricDefinition(id: MetricID(rawValue: 99), name: name, kind: kind, by: by)
    }

    private func ids(_ definitions: Definitions?) -> [String: UInt16] {
        Dictionary(uniqueKeysWithValues: definitions?.metrics.map { ($0.name, $0.id.rawValue) } ?? [])
    }

    @Test func beginWithTheBuiltInCounter() {
        #expect(start.version == 1)
        #expect(start.metrics.first == .events)
        #expect(ids(start) == ["events": 0, "a": 1, "b": 2])
    }

    @Test func stayAsTheyAreWhereNothingChanges() {
        #expect(start.updated(to: [Self.metric("a"), Self.metric("b", by: ["x"])]).definitions == nil)
    }

    @Test func keepIdsThroughEveryChange() throws {
        let changed = try #require(
            start.updated(to: [Self.metric("c"), Self.metric("b", by: ["y"]), Self.metric("a")]).definitions)
        #expect(changed.version == 2)
        #expect(ids(changed) == ["events": 0, "a": 1, "b": 2, "c": 3])
        #expect(changed["b"]?.by == ["y"])
    }

    @Test func neverGiveAnIdTwice() throws {
        let without = try #require(start.updated(to: [Self.metric("c"), Self.metric("a")]).definitions)
        #expect(without["b"]?.by == ["x"], "what it holds can still be asked for")
        let again = try #require(without.updated(to: [Self.metric("d"), Self.metric("b", by: ["x"])]).definitions)
        #expect(ids(again) == ["events": 0, "a": 1, "b": 2, "c": 3, "d": 4])
    }

    @Test func aMetricThatIsWantedNoMoreIsNotCountedAndStaysReadable() throws {
        let without = try #require(start.updated(to: [Self.metric("a")]).definitions)
        #expect(without.counted.map(\.name) == ["events", "a"])
        #expect(without["b"]?.isRetired == true)
        #expect(without.groups.map(\.name) == [""])
        #expect(without.updated(to: [Self.metric("a")]).definitions == nil)
        let again = try #require(without.updated(to: [Self.metric("a"), Self.metric("b", by: ["x"])]).definitions)
        #expect(again["b"]?.isRetired == false)
        #expect(again["b"]?.formerGroups == [])
    }

    @Test func rememberWhereAMetricWasBefore() throws {
        let moved = try #require(
            start.updated(to: [Self.metric("a"), Self.metric("b", by: ["x", "y"])]).definitions)
        #expect(moved["b"]?.formerGroups == ["x"])
        #expect(moved["b"]?.isIn(group: "x") == true)
        let on = try #require(moved.updated(to: [Self.metric("a"), Self.metric("b", by: ["z"])]).definitions)
        #expect(on["b"]?.formerGroups == ["x", "x,y"])
        let back = try #require(on.updated(to: [Self.metric("a"), Self.metric("b", by: ["x"])]).definitions)
        #expect(back["b"]?.formerGroups == ["x,y", "z"])
        #expect(back.updated(to: [Self.metric("a"), Self.metric("b", by: ["x"])]).definitions == nil)
    }

    @Test func refuseAnotherKindUnderAnOldName() {
        let (definitions, changed) = start.updated(to: [Self.metric("b", kind: .ratio), Self.metric("z")])
        #expect(definitions == nil)
        #expect(changed == ["b"])
    }

    @Test func groupMetricsOfEqualLabelsAndLimits() {
        let small = MetricDefinition(id: MetricID(rawValue: 3), name: "s", kind: .counter, by: ["x"], maxSeries: 5)
        let definitions = Definitions(
            version: 1, metrics: [.events, Self.metric("a", by: ["y", "x"]), Self.metric("b", by: ["x", "y"]), small])
        #expect(definitions.groups.map(\.name) == ["", "x,y", "x#5"])
    }

    @Test(arguments: MetricKind.allCases)
    func aKindAnswersWhatItKeeps(kind: MetricKind) throws {
        let metric = Self.metric("m", kind: kind)
        for aggregation in metric.aggregations { #expect(metric.answers(aggregation)) }
        #expect(metric.answers(.quantile(percent: 12.5)) == (kind == .distribution))
        #expect(metric.answers(.last) == (kind == .gauge))
        #expect(metric.answers(.ratio) == (kind == .ratio))
    }
}
