import Testing

@testable import Wire

private func events(
    _ pieces: [ArraySlice<UInt8>], role: WebSocketMachine.Role = .server, limit: Int = 1_024, mayCompress: Bool = false
) -> [WebSocketMachine.Event] {
    var machine = WebSocketMachine(role: role, maxMessageBytes: limit, mayCompress: mayCompress)
    var unread: [UInt8] = []
    var events: [WebSocketMachine.Event] = []
    for piece in pieces {
        unread += piece
        while true {
            let (consumed, event) = machine.next(unread.span)
            unread.removeFirst(consumed)
            if event != .needMore { events.append(event) } else if consumed == 0 { break }
        }
    }
    return events
}

private func masked(_ opcode: WebSocketFrame.Opcode, _ text: String, final: Bool = true) -> [UInt8] {
    WebSocketFrame.encode(opcode, Array(text.utf8), final: final, mask: 0x3712_FA21)
}

private func violation(_ bytes: [UInt8], limit: Int = 1_024) -> UInt16? {
    guard case .violation(let violation) = events([bytes[...]], limit: limit).last else { return nil }
    return violation.code.rawValue
}

@Suite("WebSocket machine") struct WebSocketMachineTests {
    @Test func examplesOfTheRFCAreByteForByte() {
        #expect(WebSocketFrame.encode(.text, Array("Hello".utf8)) == [0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F])
        let official: [UInt8] = [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]
        #expect(events([official[...]]) == [.text(Array("Hello".utf8))])
        #expect(WebSocketFrame.encode(.text, Array("Hello".utf8), mask: 0x37FA_213D) == official)
    }

    @Test func fragmentsAndControlFramesAreSortedOutWhateverTheCut() {
        let input =
            masked(.text, "Hällo, ", final: false) + masked(.ping, "p") + masked(.continuation, "", final: false)
            + masked(.continuation, "wörld") + masked(.binary, String(repeating: "x", count: 300)) + masked(.pong, "")
            + masked(.text, "") + WebSocketFrame.encodeClose(.normal, "bye", mask: 7) + masked(.text, "after")
        let expected: [WebSocketMachine.Event] = [
            .ping(Array("p".utf8)), .text(Array("Hällo, wörld".utf8)), .binary([UInt8](repeating: 120, count: 300)),
            .pong([]), .text([]), .close(.normal, reason: "bye"),
        ]
        for cut in 0...input.count { #expect(events([input[..<cut], input[cut...]]) == expected, "cut at \(cut)") }
        #expect(events(input.indices.map { input[$0...$0] }) == expected)
    }

    @Test(arguments: [0, 1, 125, 126, 127, 65_535, 65_536, 70_000])
    func everyLengthRoundTrips(length: Int) {
        let payload = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let fromClient = WebSocketFrame.encode(.binary, payload, mask: 0xDEAD_BEEF)
        #expect(events([fromClient[...]], limit: 70_000) == [.binary(payload)])
        let fromServer = WebSocketFrame.encode(.binary, payload)
        #expect(events([fromServer[...]], role: .client, limit: 70_000) == [.binary(payload)])
    }

    @Test(
        arguments: [
            ([0x81, 0x05, 0x48], 1002),  // not masked
            ([0xC1, 0x80, 0, 0, 0, 0], 1002),  // RSV1 without an extension
            ([0x83, 0x80, 0, 0, 0, 0], 1002),  // unknown opcode
            ([0x09, 0x80, 0, 0, 0, 0], 1002),  // fragmented ping
            ([0x89, 0xFE, 0, 126, 0, 0, 0, 0], 1002),  // long ping
            ([0x80, 0x80, 0, 0, 0, 0], 1002),  // continuation of nothing
            ([0x01, 0x80, 0, 0, 0, 0, 0x81, 0x80, 0, 0, 0, 0], 1002),  // text within text
            ([0x81, 0xFE, 0, 5, 0, 0, 0, 0], 1002),  // length not in its shortest form
            ([0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0], 1002),
            ([0x81, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1002),
            ([0x81, 0xFF, 0x7F, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1009),
            ([0x82, 0xFE, 0x04, 0x01, 0, 0, 0, 0], 1009),  // 1025 bytes
            ([0x88, 0x81, 0, 0, 0, 0, 3], 1002),  // half a close code
            ([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xED], 1002),  // 1005 may not be sent
            ([0x88, 0x82, 0, 0, 0, 0, 0x27, 0x0F], 1002),  // 9999
            ([0x88, 0x83, 0, 0, 0, 0, 0x03, 0xE8, 0xFF], 1007),  // reason
            ([0x81, 0x82, 0, 0, 0, 0, 0xC0, 0x80], 1007),  // overlong
            ([0x81, 0x83, 0, 0, 0, 0, 0xED, 0xA0, 0x80], 1007),  // surrogate
            ([0x81, 0x81, 0, 0, 0, 0, 0xC3], 1007),  // cut character
            ([0x81, 0x84, 0, 0, 0, 0, 0xF4, 0x90], 1007),  // over U+10FFFF, seen before the frame is whole
        ] as [([UInt8], UInt16)])
    func violationsEndTheConnection(bytes: [UInt8], code: UInt16) {
        #expect(violation(bytes) == code)
    }

    @Test func theLimitCountsAllFragments() {
        let half = String(repeating: "x", count: 600)
        #expect(violation(masked(.text, half, final: false) + masked(.continuation, half)) == 1009)
    }

    @Test func compressedMessagesAreHandedOnAsTheyCame() {
        let packed: [UInt8] = [0xF2, 0x48, 0xFF, 0xC1]  // no UTF-8, and need not be
        let input =
            WebSocketFrame.encode(.text, Array(packed[..<2]), final: false, compressed: true, mask: 1)
            + masked(.ping, "p") + WebSocketFrame.encode(.continuation, Array(packed[2...]), mask: 2)
            + masked(.text, "plain") + WebSocketFrame.encode(.binary, packed, compressed: true, mask: 3)
        let expected: [WebSocketMachine.Event] = [
            .ping(Array("p".utf8)), .compressed(packed, isText: true), .text(Array("plain".utf8)),
            .compressed(packed, isText: false),
        ]
        for cut in 0...input.count {
            #expect(events([input[..<cut], input[cut...]], mayCompress: true) == expected, "cut at \(cut)")
        }
    }

    @Test(
        arguments: [
            [0x01, 0x80, 0, 0, 0, 0, 0xC0, 0x80, 0, 0, 0, 0],  // RSV1 on a continuation
            [0xC9, 0x80, 0, 0, 0, 0],  // on a ping
            [0xA1, 0x80, 0, 0, 0, 0], [0x91, 0x80, 0, 0, 0, 0],  // RSV2, RSV3
        ] as [[UInt8]])
    func otherReservedBitsStayForbidden(bytes: [UInt8]) {
        guard case .violation(let violation) = events([bytes[...]], mayCompress: true).last else {
            Issue.record("accepted")
            return
        }
        #expect(violation.code == .protocolError)
    }

    @Test func aServersFrameMustNotBeMasked() {
        guard case .violation = events([masked(.text, "a")[...]], role: .client).last else {
            Issue.record("accepted")
            return
        }
    }

    @Test func utf8ValidationAgreesWithTheStandardLibrary() {
        var state: UInt64 = 42
        let interesting: [UInt8] = [
            0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xDF, 0xE0, 0xE1,
            0xED, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5, 0xFF,
        ]
        for _ in 0..<50_000 {
            let bytes = (0..<4).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return interesting[Int(state >> 33) % interesting.count]
            }
            var validator = UTF8Validator()
            let accepted = bytes.indices.allSatisfy { validator.take(bytes[$0...$0]) } && validator.isComplete
            #expect(accepted == (String(validating: bytes, as: UTF8.self) != nil))
        }
    }
}
