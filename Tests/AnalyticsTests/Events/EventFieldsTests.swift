import Analytics
import TestKit
import Testing

@Suite("Field table")
struct FieldTableTests {
    @Test func findsEveryNameAndNoOther() {
        let names = (0..<500).map { "f\($0 * 7)" } + ["", "a", "b", "service", "service.name", "ééé"]
        var table = FieldTable()
        let slots = names.map { table.slot(adding: $0) }
        #expect(slots == names.map { table.slot(adding: $0) })
        #expect(table.names == ["ts"] + names)
        for (name, slot) in zip(names, slots) {
            let text = Array("<\(name)>".utf8)
            #expect(table.slot(of: text.span, 1..<text.count - 1) == slot)
        }
        for other in ["f1", "servicf", "c", "Service", "eee", "tss"] {
            let text = Array(other.utf8)
            #expect(table.slot(of: text.span, 0..<text.count) == nil)
        }
    }
}

@Suite("Event fields")
struct EventFieldsTests {
    private let table: FieldTable
    private let slot: Int

    init() {
        var table = FieldTable()
        slot = table.slot(adding: "x")
        self.table = table
    }

    @Test(
        "one value has one text, however it is written",
        arguments: [
            ("200", "200"), ("200.0", "200"), ("2e2", "200"), ("2E+2", "200"), ("20000e-2", "200"), ("0", "0"),
            ("-0", "0"),
            ("0.0", "0"), ("-5", "-5"), ("-5.0", "-5"), ("12.50", "12.5"), ("0.1", "0.1"), ("1e-7", "1e-07"),
            ("0.0000001", "1e-07"), ("999999999999999", "999999999999999"), ("1234567890123456", "1234567890123456"),
            ("1234567890123456.0", "1234567890123456"), ("1.234567890123456e15", "1234567890123456"),
            ("-1234567890123456", "-1234567890123456"), ("1e300", "1e+300"), ("9007199254740993", "9007199254740993"),
            ("1795428000000000001", "1795428000000000001"), ("-9007199254740993", "-9007199254740993"),
        ])
    func numbersHaveOneText(written: String, text: String) {
        let event = TestEvent(["x": .number(written)], table: table)
        #expect(event.fields.text(slot, in: event.bytes.span) == text)
        #expect(event.fields.number(slot, in: event.bytes.span) == Double(written))
    }

    @Test func textsStayAsTheyAreAndMayBeNumbers() {
        for written: Written in [.string("200"), .escaped("200")] {
            let event = TestEvent(["x": written], table: table)
            #expect(event.fields.text(slot, in: event.bytes.span) == "200")
            #expect(event.fields.number(slot, in: event.bytes.span) == 200)
        }
        let text = TestEvent(["x": "200.0 ms"], table: table)
        #expect(text.fields.text(slot, in: text.bytes.span) == "200.0 ms")
        #expect(text.fields.number(slot, in: text.bytes.span) == nil)
    }

    @Test func truthIsATextAndNoNumber() {
        let event = TestEvent(["x": .bool(true)], table: table)
        #expect(event.fields.text(slot, in: event.bytes.span) == "true")
        #expect(event.fields.number(slot, in: event.bytes.span) == nil)
    }

    @Test func forgetsAll() {
        var fields = TestEvent(["x": .escaped("a"), "ts": .number("1")], table: table).fields
        #expect(fields.isPresent(slot))
        fields.removeAll()
        #expect(!fields.isPresent(slot))
        #expect(!fields.isPresent(FieldTable.timeSlot))
        #expect(fields.scratch.isEmpty)
    }
}
