/// What `weir bench query` measured, ready to be printed.
package struct QueryReport: Sendable {
    /// One load, its questions and what they cost.
    package struct Run: Sendable {
        /// What was asked for: a preset's name, or a path.
        package let asked: String
        package let seconds: Double
        /// Question by question, in the order in which they are reported.
        package let questions: [(name: String, tally: AnswerTally)]
        /// CPU that the clients used, and the front, over the time of the load with its warm-up; nil where it is not known.
        package let clientCPUSeconds: Double?
        package let frontCPUSeconds: Double?
        /// Of the load with its warm-up: what the CPU was used in.
        package let wholeSeconds: Double

        /// Takes what a load of `questions` measured.
        package init(
            asked: String, questions: [Question], result: QueryLoad.Result, wholeSeconds: Double,
            clientCPUSeconds: Double?, frontCPUSeconds: Double?
        ) {
            self.asked = asked
            seconds = result.seconds
            var seen: Set<String> = []
            self.questions = questions.filter { seen.insert($0.name).inserted }.map {
                ($0.name, result.tallies[$0.name] ?? AnswerTally())
            }
            self.wholeSeconds = wholeSeconds
            self.clientCPUSeconds = clientCPUSeconds
            self.frontCPUSeconds = frontCPUSeconds
        }

        /// Of all questions.
        package var total: AnswerTally {
            questions.reduce(into: AnswerTally()) { sum, question in sum.merge(question.tally) }
        }
    }

    package let server: String
    package let clients: Int
    /// Requests a second that were asked for; nil where clients asked as fast as they were answered.
    package let rate: Double?
    package private(set) var runs: [Run] = []

    package init(server: String, clients: Int, rate: Double?) {
        self.server = server
        self.clients = clients
        self.rate = rate
    }

    /// Adds a load.
    package mutating func add(_ run: Run) { runs.append(run) }

    /// Requests that got no answer that is a success.
    package var failed: Int { runs.reduce(0) { $0 + $1.total.failed } }

    /// Requests in all.
    package var requests: Int { runs.reduce(0) { $0 + $1.total.requests } }
}
