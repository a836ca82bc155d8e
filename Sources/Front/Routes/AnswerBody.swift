internal import WebServer
internal import Wire

/// The body of an answer, and which parts of it differ each time the same is answered.
struct AnswerBody {
    var bytes: [UInt8]
    /// Ascending: where `as_of` and `took_ms` stand.
    var varying: [Range<Int>] = []

    /// Names what the body says, but for the varying parts; weak for their sake.
    ///
    /// - Complexity: O(n), some 4 GB/s.
    var entityTag: HTTPEntityTag {
        var hash: UInt64 = 0
        var start = bytes.startIndex
        for range in varying {
            hash = Fingerprint.of(bytes, start..<range.lowerBound, seed: hash)
            start = range.upperBound
        }
        hash = Fingerprint.of(bytes, start..<bytes.endIndex, seed: hash)
        return HTTPEntityTag(String(hash, radix: 16), isWeak: true)
    }
}

extension HTTPResponse {
    /// An answer that is asked for again with its tag. Caches of one reader may keep it: who may read is asked at the front.
    ///
    /// - Parameters:
    ///   - type: of the body.
    ///   - body: the answer.
    ///   - isFinal: nothing can change it any more.
    init(_ type: ContentType, _ body: AnswerBody, isFinal: Bool = false) {
        self.init(.ok, type, body: body.bytes)
        entityTag = body.entityTag
        fields.append("Cache-Control", isFinal ? "private, max-age=86400, immutable" : "private, no-cache")
        // A browser that has been told to forget its session must not go on reading from its cache.
        fields.append("Vary", "Accept, Authorization, Cookie")
    }
}
