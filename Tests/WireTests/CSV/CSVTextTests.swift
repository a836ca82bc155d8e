import Testing
import Wire

@Suite("CSV")
struct CSVTextTests {
    @Test(
        "fields are quoted where they must be",
        arguments: [
            ("", ""), ("/pay", "/pay"), ("a b", "a b"), ("a,b", "\"a,b\""), ("a\"b", "\"a\"\"b\""),
            ("a\nb", "\"a\nb\""),
            ("a\rb", "\"a\rb\""), ("a\r\nb", "\"a\r\nb\""), ("\"\u{301}", "\"\"\"\u{301}\""), ("é", "é"),
        ])
    func quotes(text: String, field: String) {
        var csv: [UInt8] = []
        csv.appendCSV(text)
        #expect(csv == Array(field.utf8))
    }
}
