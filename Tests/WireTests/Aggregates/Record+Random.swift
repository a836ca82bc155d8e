import Analytics
import TestKit

extension Record {
    /// A record of up to `metrics` metrics of all kinds; sums are exact, so that the order of merging cannot show.
    static func random(metrics: Int, using rng: inout SplitMix64) -> Record {
        var record = Record()
        for _ in 0..<Int.random(in: 1...metrics, using: &rng) {
            let metric = UInt16.random(in: 0..<6, using: &rng)
            var aggregate = Aggregate()
            for _ in 0..<([1, 1, 2, 30].randomElement(using: &rng) ?? 1) {
                let value = Double(Int.random(in: -8_000...8_000, using: &rng)) / 8
                switch metric {
                case 0: aggregate.addEvent()
                case 1: aggregate.addEvent(hit: .random(using: &rng))
                case 2: aggregate.addToSum(value)
                case 3: aggregate.addToGauge(value, atMs: .random(in: -5...1_795_428_000_000, using: &rng))
                case 4: aggregate.addToSet(value, unique: .random(using: &rng))
                default: aggregate.addToDistribution(value)
                }
            }
            // Sets of minutes come with and without their events.
            if metric == 4 && Bool.random(using: &rng) { aggregate.count = 0 }
            // Numbers of metrics above 127 take two bytes.
            record.merge(aggregate, into: MetricID(rawValue: metric == 5 ? 999 : metric))
        }
        return record
    }
}

extension Aggregate {
    fileprivate mutating func addToSet(_ value: Double, unique: Bool) {
        count += 1
        let text = Array("\(value)".utf8)
        if unique {
            var registers = registers ?? HyperLogLog()
            registers.insert(text.span)
            self.registers = registers
        } else {
            var items = items ?? TopItems()
            items.add(text)
            self.items = items
        }
    }
}

extension [UInt8] {
    /// The bytes with a few of them changed, left out or doubled.
    func damaged(using rng: inout SplitMix64) -> [UInt8] {
        var bytes = self
        for _ in 0..<Int.random(in: 1...3, using: &rng) where !bytes.isEmpty {
            let place = Int.random(in: bytes.indices, using: &rng)
            switch Int.random(in: 0..<4, using: &rng) {
            case 0: bytes[place] = .random(in: 0...255, using: &rng)
            case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &rng)
            case 2: bytes.remove(at: place)
            default: bytes.insert(.random(in: 0...255, using: &rng), at: place)
            }
        }
        return bytes
    }
}
