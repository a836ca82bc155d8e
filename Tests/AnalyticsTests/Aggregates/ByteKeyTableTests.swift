import Analytics
import TestKit
import Testing

@Suite("Byte key table")
struct ByteKeyTableTests {
    @Test("numbers keys as a dictionary would", arguments: Seed.range(20))
    func agreesWithADictionary(seed: Seed) {
        var rng = SplitMix64(seed)
        var table = ByteKeyTable()
        var model: [[UInt8]: Int] = [:]
        for _ in 0..<1_000 {
            let key = (0..<Int.random(in: 0...4, using: &rng)).map { _ in UInt8.random(in: 0..<6, using: &rng) }
            #expect(table.number(of: key) == model[key])
            if model[key] == nil {
                model[key] = model.count
                #expect(table.add(key) == model.count - 1)
            }
        }
        #expect(table.count == model.count)
        for (key, number) in model {
            #expect(Array(table.key(number)) == key)
            #expect(table.number(of: key) == number)
        }
    }
}
