/// Why bytes could not be decompressed.
package enum GzipError: Error, Hashable, Sendable {
    /// They are no gzip data, or damaged.
    case malformed
    /// They end before their own end.
    case truncated
    /// They decompress to more than the limit; nothing beyond it was kept.
    case tooLarge
}
