/// A saved page of charts: what an admin put together, to be shown under a name.
package struct Board: Sendable, Equatable {
    /// The width of a panel.
    package enum Size: String, CaseIterable, Sendable {
        case normal
        /// Two columns.
        case wide
        /// All columns.
        case full
    }

    /// One chart: a question about a metric, as the query API would be asked it.
    package struct Panel: Sendable, Equatable {
        package var metric: String
        /// Names of aggregations; none: what the page shows of the metric's kind.
        package var aggregations: [String]
        /// Labels to keep; none makes one series of all.
        package var by: [String]
        /// By label, ascending: patterns as `label.NAME` of the query API takes them.
        package var filters: [(label: String, patterns: String)]
        /// Nil: the metric's name.
        package var title: String?
        package var size: Size

        package init(
            metric: String, aggregations: [String] = [], by: [String] = [],
            filters: [(label: String, patterns: String)] = [], title: String? = nil, size: Size = .normal
        ) {
            self.metric = metric
            self.aggregations = aggregations
            self.by = by
            self.filters = filters
            self.title = title
            self.size = size
        }

        package static func == (a: Panel, b: Panel) -> Bool {
            a.metric == b.metric && a.aggregations == b.aggregations && a.by == b.by && a.title == b.title
                && a.size == b.size && a.filters.elementsEqual(b.filters) { $0 == $1 }
        }
    }

    package static let maxPanels = 60
    /// Bytes of a board's text.
    package static let maxBytes = 64 << 10
    /// Boards that are stored, at most.
    package static let maxStored = 1_000

    /// Names it in addresses: `isName` holds.
    package var name: String
    package var title: String
    /// The stretch of time that is shown first, such as `15m`; nil: the page's own.
    package var range: String?
    package var panels: [Panel]

    package init(name: String, title: String, range: String? = nil, panels: [Panel] = []) {
        self.name = name
        self.title = title
        self.range = range
        self.panels = panels
    }

    /// Whether `text` may name a board: 1 to 64 of a-z, 0-9, `-` and `_`, beginning with a letter or a digit.
    package static func isName(_ text: String) -> Bool {
        let isWord = { (byte: UInt8) in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        guard let first = text.utf8.first, isWord(first), text.utf8.count <= 64 else { return false }
        return text.utf8.allSatisfy { isWord($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
    }

    /// Whether `text` is a stretch of time that the page can show: 10 s to ten years, as in `15m`.
    package static func isRange(_ text: String) -> Bool {
        guard text.utf8.count <= 6, !text.hasSuffix("ms"), let ms = TimeExpression.durationMs(text) else {
            return false
        }
        return (10_000...3_660 * 86_400_000).contains(ms)
    }
}
