import Foundation
import Testing

@testable import Front

@Suite("Strict JSON") struct JSONReaderTests {
    @Test(arguments: [
        "null", " true ", "false", "0", "-0", "12", "-1.5e+3", "1E-2", #""""#,
        #""a\"\\\/\b\f\n\r\t\u00e4\ud83d\ude00ü""#, "[]",
        "[1,[2,[]],{}]", #"{"a":{"b":[null]},"c":"d"}"#, "\t{\r\n\"a\" : 1 }\n",
    ])
    func readsWhatFoundationReads(text: String) throws {
        let ours = try #require(JSONReader.read(Array(text.utf8)))
        let theirs = try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
        #expect(ours == value(theirs))
    }

    @Test(arguments: [
        "", " ", "nul", "01", "1.", ".5", "+1", "1e", "- 1", "'a'", #""a"#, "\"a\nb\"", #""\x""#, #""\ud800""#,
        #""\u12g4""#,
        "[1,]", "[1 2]", "{a:1}", #"{"a"}"#, #"{"a":1,}"#, "{} {}", "//\n1", "[", "{", "NaN",
        String(repeating: "[", count: 17) + String(repeating: "]", count: 17),
    ])
    func refusesWhatIsNoJSON(text: String) { #expect(JSONReader.read(Array(text.utf8)) == nil) }

    @Test func everyCutOfAMessageIsRefused() {
        let text = Array(#"{"type":"subscribe","by":["a\n"],"n":-1.5e3,"t":[true,null]}"#.utf8)
        for end in text.indices { #expect(JSONReader.read(Array(text[..<end])) == nil) }
    }

    private func value(_ any: Any) -> JSONValue {
        switch any {
        case is NSNull: .null
        case let number as NSNumber where number.objCType.pointee == NSNumber(value: true).objCType.pointee:
            .bool(number.boolValue)
        case let number as NSNumber: .number(number.doubleValue)
        case let text as String: .string(text)
        case let array as [Any]: .array(array.map(value))
        case let object as [String: Any]: .object(object.sorted { $0.key < $1.key }.map { ($0.key, value($0.value)) })
        default: .null
        }
    }
}
