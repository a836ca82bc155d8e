import CAssets

/// The files that are built in: the page, `openapi.yaml`, `redis-scripts/` and `sql/`. `Sources/CAssets/generate.sh` keeps their list.
extension Asset {
    /// All of them, in byte order of their paths.
    package static let all: [Asset] = (0..<weir_asset_count).map { index in
        let entry = unsafe weir_asset_at(index)
        return unsafe Asset(path: String(cString: entry.path), start: entry.bytes, count: entry.length)
    }

    /// The file of exactly that repository path; nil where none is built in.
    ///
    /// - Complexity: O(log n), n = all files.
    package static func named(_ path: String) -> Asset? {
        let index = firstIndex(notBefore: path)
        return index < all.count && all[index].path == path ? all[index] : nil
    }

    /// The files whose repository path begins with `prefix`, in byte order: for `sql/migrations/` that is the order in
    /// which they are applied.
    package static func under(_ prefix: String) -> ArraySlice<Asset> {
        all[firstIndex(notBefore: prefix)...].prefix { $0.path.utf8.starts(with: prefix.utf8) }
    }

    private static func firstIndex(notBefore path: String) -> Int {
        var low = 0
        var high = all.count
        while low < high {
            let middle = (low + high) / 2
            if all[middle].path.utf8.lexicographicallyPrecedes(path.utf8) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
