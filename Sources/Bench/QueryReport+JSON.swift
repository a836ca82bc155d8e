internal import Wire

/// The report as JSON for programs.
extension QueryReport {
    static let quantiles: [(name: StaticString, quantile: Double)] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)]

    /// `{"url":…,"clients":16,"rate":null,"runs":[{"ask":"5m","seconds":10.0,"requests":…,…,"questions":[…]}]}`: one line, its end
    /// included. Times are in ms, shares 0...1; what is not known is null.
    package var json: [UInt8] {
        var json: [UInt8] = []
        json.appendJSON(literal: "{\"url\":")
        json.appendJSON(server)
        json.appendJSON(literal: ",\"clients\":")
        json.appendJSON(clients)
        json.appendJSON(literal: ",\"rate\":")
        Self.append(rate, to: &json)
        json.appendJSON(literal: ",\"runs\":[")
        for (index, run) in runs.enumerated() {
            if index > 0 { json.append(UInt8(ascii: ",")) }
            Self.append(run, to: &json)
        }
        json.appendJSON(literal: "]}\n")
        return json
    }

    private static func append(_ run: Run, to json: inout [UInt8]) {
        json.appendJSON(literal: "{\"ask\":")
        json.appendJSON(run.asked)
        json.appendJSON(literal: ",\"seconds\":")
        json.appendJSON(run.seconds)
        append(run.total, seconds: run.seconds, to: &json)
        for (name, cpu) in [("client", run.clientCPUSeconds), ("front", run.frontCPUSeconds)] {
            json.append(UInt8(ascii: ","))
            json.appendJSON(name + "_cores")
            json.append(UInt8(ascii: ":"))
            append(cpu.map { $0 / run.wholeSeconds }, to: &json)
        }
        json.appendJSON(literal: ",\"questions\":[")
        for (index, question) in run.questions.enumerated() {
            if index > 0 { json.append(UInt8(ascii: ",")) }
            json.appendJSON(literal: "{\"name\":")
            json.appendJSON(question.name)
            append(question.tally, seconds: run.seconds, to: &json)
            json.append(UInt8(ascii: "}"))
        }
        json.appendJSON(literal: "]}")
    }

    private static func append(_ tally: AnswerTally, seconds: Double, to json: inout [UInt8]) {
        json.appendJSON(literal: ",\"requests\":")
        json.appendJSON(tally.requests)
        json.appendJSON(literal: ",\"requests_per_s\":")
        json.appendJSON(Double(tally.requests) / seconds)
        json.appendJSON(literal: ",\"failed\":")
        json.appendJSON(tally.failed)
        json.appendJSON(literal: ",\"failures\":{")
        for (index, failure) in tally.failures.sorted(by: { $0.key < $1.key }).enumerated() {
            if index > 0 { json.append(UInt8(ascii: ",")) }
            json.appendJSON(failure.key)
            json.append(UInt8(ascii: ":"))
            json.appendJSON(failure.value)
        }
        json.appendJSON(literal: "},\"degraded\":")
        json.appendJSON(tally.degraded)
        json.appendJSON(literal: ",\"steps_ms\":{")
        for (index, step) in tally.steps.sorted(by: { $0.key < $1.key }).enumerated() {
            if index > 0 { json.append(UInt8(ascii: ",")) }
            json.appendJSON("\(step.key)")
            json.append(UInt8(ascii: ":"))
            json.appendJSON(step.value)
        }
        json.appendJSON(literal: "},\"without_postgres\":")
        append(tally.hitRate, to: &json)
        json.appendJSON(literal: ",\"bytes\":")
        json.appendJSON(tally.bytes)
        append(tally.roundTrip, as: ",\"round_trip_ms\":", to: &json)
        append(tally.took, as: ",\"took_ms\":", to: &json)
    }

    private static func append(_ times: AnswerTally.Times, as name: StaticString, to json: inout [UInt8]) {
        json.appendJSON(literal: name)
        guard !times.isEmpty else { return json.appendJSON(literal: "null") }
        json.append(UInt8(ascii: "{"))
        for (name, quantile) in quantiles {
            json.appendJSON("\(name)")
            json.append(UInt8(ascii: ":"))
            append(times.quantile(quantile), to: &json)
            json.append(UInt8(ascii: ","))
        }
        json.appendJSON(literal: "\"max\":")
        json.appendJSON(times.max)
        json.append(UInt8(ascii: "}"))
    }

    private static func append(_ number: Double?, to json: inout [UInt8]) {
        if let number { json.appendJSON(number) } else { json.appendJSON(literal: "null") }
    }
}
