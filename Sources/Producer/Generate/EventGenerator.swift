internal import Glibc

/// What `weir generate` makes up.
package struct GeneratorConfiguration: Sendable {
    /// Events per second on average over a day, above 0.
    package var rate: Double = 100
    /// How far the rate rises above and falls below that over a day, 0 (steady) to 1; the height is at 15:00 UTC.
    package var rhythm: Double = 0.3
    /// The same seed and start give the same events.
    package var seed: UInt64 = 1
    /// How many people use the shop.
    package var users: Int = 20_000

    /// The default: 100 events/s.
    package init() {}
}

/// Makes up log events: a pure value, which tells time only by what it is asked for.
///
/// Events arrive as a Poisson process, take log-normal times with a heavy tail, and come from users whose activity follows
/// Zipf's law; incidents trouble one service at a time. About 0.5 µs an event.
package struct EventGenerator: Sendable {
    private let configuration: GeneratorConfiguration
    private let model: TrafficModel
    private var random: RandomSource
    private var incidents: IncidentPlan
    /// When the next event happens; it is drawn already.
    private var nextMs: Double

    private let endpoints: WeightedChoice
    private let regions: WeightedChoice
    private let users: WeightedChoice
    /// Per endpoint: its service's index, and `,"service":…,"method":"GET","status":` as bytes.
    private let parts: [(service: Int, bytes: [UInt8])]
    /// Per region: `,"region":"eu-west"}` and a line feed.
    private let tails: [[UInt8]]

    /// - Parameters:
    ///   - configuration: its rate must be above 0.
    ///   - startMs: the first event happens after this, in milliseconds since 1970.
    package init(_ configuration: GeneratorConfiguration, startMs: Int64) {
        precondition(configuration.rate > 0 && configuration.rate.isFinite, "a rate above 0")
        precondition((0...1).contains(configuration.rhythm), "a rhythm from 0 to 1")
        precondition(configuration.users > 0, "somebody must use the shop")
        let model = TrafficModel.shop
        self.configuration = configuration
        self.model = model
        random = RandomSource(seed: configuration.seed)
        // A stream of its own, so that incidents come at the same times whatever the rate.
        incidents = IncidentPlan(
            seed: ~configuration.seed, services: model.services.count, startMs: Double(startMs))
        nextMs = Double(startMs)
        endpoints = WeightedChoice(weights: model.endpoints.map(\.weight))
        regions = WeightedChoice(weights: model.regions.map(\.weight))
        users = .zipf(count: configuration.users, exponent: 1.05)
        parts = model.endpoints.map { endpoint in
            let text =
                ",\"service\":\"\(endpoint.service)\",\"endpoint\":\"\(endpoint.path)\",\"method\":\"\(endpoint.method)\""
            return (model.services.firstIndex(of: endpoint.service) ?? 0, Array((text + ",\"status\":").utf8))
        }
        tails = model.regions.map { Array(",\"region\":\"\($0.name)\"}\n".utf8) }
        nextMs += gapMs()
    }

    /// Appends the events up to `untilMs` as NDJSON, at most `limit` of them.
    ///
    /// - Returns: how many; `limit` if there may be more to come.
    package mutating func appendEvents(untilMs: Int64, limit: Int, to body: inout [UInt8]) -> Int {
        var count = 0
        while count < limit, nextMs <= Double(untilMs) {
            incidents.advance(toMs: nextMs)
            append(atMs: nextMs, to: &body)
            nextMs += gapMs()
            count += 1
        }
        return count
    }

    /// No event before this time will be made any more.
    package var reachedMs: Int64 { Int64(nextMs) }

    /// Goes on at `ms` without the events that were due before it.
    ///
    /// - Returns: about how many those were.
    package mutating func skip(toMs ms: Int64) -> Int {
        guard nextMs < Double(ms) else { return 0 }
        let passed = 1 + (Double(ms) - nextMs) * rate(atMs: Double(ms)) / 1000
        nextMs = Double(ms) + gapMs(at: Double(ms))
        return Int(passed.rounded())
    }

    /// Goes on at `ms`, which lies before what is made already: somebody has set the clock back.
    package mutating func restart(atMs ms: Int64) {
        incidents.restart(atMs: Double(ms))
        nextMs = Double(ms) + gapMs(at: Double(ms))
    }

    // MARK: Drawing

    private func rate(atMs ms: Double) -> Double {
        let day = 86_400_000.0
        let hour = (ms / day - (ms / day).rounded(.down)) * 24
        return configuration.rate * (1 + configuration.rhythm * cos((hour - 15) / 24 * 2 * .pi))
    }

    private mutating func gapMs(at ms: Double? = nil) -> Double {
        random.exponential() * 1000 / max(rate(atMs: ms ?? nextMs), 1e-6)
    }

    private mutating func append(atMs ms: Double, to body: inout [UInt8]) {
        let index = endpoints.draw(&random)
        let endpoint = model.endpoints[index]
        let incident = incidents.incident
        let trouble = incident.service == parts[index].service ? incident.intensity(atMs: ms) : 0

        var durationMs = endpoint.medianMs * exp(endpoint.spread * random.normal())
        // One request in a hundred meets a lock, a pause or a cold cache: Pareto with index 1.5.
        if random.uniform() < 0.01 { durationMs *= 3 / pow(1 - random.uniform(), 1 / 1.5) }
        if trouble > 0 { durationMs *= 1 + (incident.slowdown - 1) * trouble }

        let status: Int
        let fate = random.uniform()
        let errorShare = endpoint.errorShare + incident.errorShare * trouble
        if fate < errorShare {
            status = trouble > 0 ? 503 : random.below(3) == 0 ? 502 : 500
        } else if fate < errorShare + endpoint.clientErrorShare {
            status = endpoint.clientErrorStatus
        } else {
            status = endpoint.method == "POST" ? 201 : 200
        }
        durationMs = min(durationMs, 30_000)  // clients hang up

        body.append(literal: "{\"ts\":")
        body.append(decimal: Int64(ms))
        body.append(contentsOf: parts[index].bytes)
        body.append(decimal: Int64(status))
        body.append(literal: ",\"duration_ms\":")
        let hundredths = max(1, Int64(durationMs * 100))
        body.append(decimal: hundredths / 100)
        body.append(UInt8(ascii: "."))
        body.append(UInt8(ascii: "0") + UInt8(hundredths / 10 % 10))
        body.append(UInt8(ascii: "0") + UInt8(hundredths % 10))
        if status >= 500 {
            body.append(literal: ",\"level\":\"error\",\"user\":\"u")
        } else if status >= 400 || durationMs >= 1000 {
            body.append(literal: ",\"level\":\"warn\",\"user\":\"u")
        } else {
            body.append(literal: ",\"level\":\"info\",\"user\":\"u")
        }
        body.append(decimal: Int64(users.draw(&random) + 1))
        body.append(UInt8(ascii: "\""))
        body.append(contentsOf: tails[regions.draw(&random)])
    }
}
