package import Analytics
internal import Service

/// A series as it stands in Redis: `["endpoint,service",{"endpoint":"/pay","service":"checkout"}]`.
package enum SeriesKeyJSON {
    package static func encode(_ key: SeriesKey) -> [UInt8] {
        var json: [UInt8] = []
        json.appendJSON(literal: "[")
        json.appendJSON(key.group)
        json.appendJSON(literal: ",")
        append(key.labels, to: &json)
        json.appendJSON(literal: "]")
        return json
    }

    /// What `encode` wrote; nil where it is damaged.
    package static func decode(_ json: [UInt8]) -> SeriesKey? {
        guard let parts = (try? JSON5.parse(json))?.elements, parts.count == 2, let group = parts[0].string,
            let members = parts[1].members
        else { return nil }
        let labels = members.compactMap { member in
            member.value.string.map { LabelSet.Label(name: member.key, value: $0) }
        }
        guard labels.count == members.count else { return nil }
        return SeriesKey(group: group, labels: LabelSet(labels))
    }

    /// Appends labels as a JSON object.
    package static func append(_ labels: LabelSet, to json: inout [UInt8]) {
        json.appendJSON(literal: "{")
        for (index, label) in labels.labels.enumerated() {
            if index > 0 { json.appendJSON(literal: ",") }
            json.appendJSON(label.name)
            json.appendJSON(literal: ":")
            json.appendJSON(label.value)
        }
        json.appendJSON(literal: "}")
    }
}
