/// Why bytes could not be decompressed.
package enum GzipError: Error, Hashable, Sendable {
    /// They are not what they should be, or damaged.
    case malformed
    /// They end before their own end.
    case truncated
    /// They decompress to more than the limit; nothing beyond it was kept.
    case tooLarge
}
