import Deflate
import Foundation
import TestKit
import Testing

/// A dashboard that follows sums of `bytes` over a WebSocket, compressed or not, or an event stream, and keeps its picture.
final class LiveViewer {
    /// Values by series (empty where there is one) and start of the bucket in ms.
    typealias Picture = [String: [Int64: Double]]

    enum Transport: CaseIterable { case plain, compressed, events }

    static let subscriptions = [
        "fine": #""agg":["sum"],"by":["service"],"window":"5m","step":"1s","every":"20ms""#,
        "coarse": #""agg":["sum"],"window":"1h","step":"10s","every":"50ms""#,
    ]
    static let streamTarget =
        "/api/v1/live/sse?metric=bytes&agg=sum&by=service&window=5m&step=1s&every=20ms"

    let transport: Transport
    private let port: Int
    private var socket: WebSocketClient?
    private var stream: EventStreamClient?
    private var inflater = MessageInflater()
    private var lastEventID: String?
    private(set) var pictures: [String: Picture] = [:]
    private(set) var snapshots = 0
    private(set) var updates = 0
    /// Everything it ever showed: (subscription, series, time, value).
    private(set) var shown: Set<[String]> = []

    init(_ transport: Transport, port: Int) {
        self.transport = transport
        self.port = port
    }

    /// The pictures this one keeps.
    var ids: [String] { transport == .events ? ["fine"] : ["fine", "coarse"] }

    /// Connects anew; an event stream goes on where it was.
    func connect() async throws {
        (socket, stream) = (nil, nil)
        if transport == .events {
            let headers = lastEventID.map { ["Last-Event-ID": $0] } ?? [:]
            stream = try await EventStreamClient.connect(
                port: port, Self.streamTarget, headers: headers, receiveBufferBytes: 4096)
            return
        }
        let headers = transport == .compressed ? ["Sec-WebSocket-Extensions": "permessage-deflate"] : [:]
        let socket = try await WebSocketClient.connect(port: port, headers: headers, receiveBufferBytes: 4096)
        #expect((socket.handshake["Sec-WebSocket-Extensions"] != nil) == (transport == .compressed))
        for id in ids {
            try await socket.send(
                #"{"type":"subscribe","id":"\#(id)","metric":"bytes",\#(Self.subscriptions[id] ?? "")}"#)
        }
        self.socket = socket
        inflater = MessageInflater()
    }

    /// Waits for one message and takes it into the pictures.
    func receive() async throws {
        if let stream {
            guard let event = try await stream.receive(within: .seconds(30)) else { throw TestKitError("ended") }
            if let id = event.id { lastEventID = id }
            return try take(Array(event.data.utf8), as: "fine")
        }
        guard let socket else { throw TestKitError("not connected") }
        let frame = try await socket.receiveFrame(within: .seconds(30))
        switch frame.opcode {
        case .ping: try await socket.send(WebSocketFrame(.pong, frame.payload))
        case .text:
            let text =
                frame.isCompressed
                ? try inflater.inflate(frame.payload, maxBytes: 1 << 24, continues: true) : frame.payload
            try take(text, as: nil)
        default: throw TestKitError("\(frame.opcode) \(frame.closeCode ?? 0)")
        }
    }

    private func take(_ text: [UInt8], as stream: String?) throws {
        guard let message = try JSONSerialization.jsonObject(with: Data(text)) as? [String: Any],
            let type = message["type"] as? String
        else { throw TestKitError("no message") }
        guard type == "snapshot" || type == "update" else {
            #expect(type == "hello", "\(message)")
            return
        }
        guard let id = stream ?? message["id"] as? String, let series = message["series"] as? [[String: Any]] else {
            throw TestKitError("no series: \(message)")
        }
        if type == "snapshot" {
            snapshots += 1
            pictures[id] = [:]
        } else {
            updates += 1
            #expect(pictures[id] != nil, "an update before the snapshot")
        }
        for one in series {
            let name = (one["labels"] as? [String: String])?["service"] ?? ""
            let times = (one["t"] as? [NSNumber] ?? []).map(\.int64Value)
            let values = (one["sum"] as? [NSNumber] ?? []).map(\.doubleValue)
            #expect(times.count == values.count)
            for (time, value) in zip(times, values) {
                pictures[id, default: [:]][name, default: [:]][time] = value
                shown.insert([id, name, "\(time)", "\(value)"])
            }
        }
    }
}
