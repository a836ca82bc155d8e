/// Draws the progress of `weir send` in one line of a terminal.
package enum ProgressLine {
    /// The line, without colour or line end, never wider than `width` columns; what matters least goes first.
    package static func text(_ progress: SendProgress, width: Int) -> String {
        guard width > 0 else { return "" }
        var facts = [counted(progress.lines, "line")]
        if progress.phase == .lookingForNewestTime { facts = ["looking for the newest time"] }
        if let trouble = progress.trouble {
            facts.append("waiting: \(trouble.prefix(40))")
        } else if progress.phase != .lookingForNewestTime {
            facts.append("\(Int(progress.rate.rounded()).grouped)/s")
        }
        let failed = progress.rejected + progress.bad
        if failed > 0 { facts.append("\(failed.grouped) refused") }
        if progress.phase == .following { facts.append("following") }
        if let remaining = progress.remaining { facts.append("\(clock(remaining)) left") }

        while facts.count > 1, width < facts.joined(separator: "  ").count + 8 { facts.removeLast() }
        let words = facts.joined(separator: "  ")
        guard let totalBytes = progress.totalBytes, progress.phase == .sending else {
            return String(words.prefix(width))
        }
        let share = totalBytes > 0 ? min(1, Double(progress.bytes) / Double(totalBytes)) : 1
        let percent = "\(Int(share * 100)) %"
        let right = String(repeating: " ", count: 5 - percent.count) + percent + "  " + words
        let room = min(40, width - right.count - 3)
        guard room >= 8 else { return String(right.prefix(width)) }
        let full = Int(share * Double(room))
        return "[" + String(repeating: "#", count: full) + String(repeating: "-", count: room - full) + "] " + right
    }

    private static func counted(_ count: Int, _ noun: String) -> String {
        "\(count.grouped) \(noun)\(count == 1 ? "" : "s")"
    }

    /// `0:07`, `12:30`, `3:05:00`.
    private static func clock(_ duration: Duration) -> String {
        let seconds = Int(duration.components.seconds)
        let two = { (number: Int) in number < 10 ? "0\(number)" : "\(number)" }
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60)
        return hours > 0 ? "\(hours):\(two(minutes)):\(two(seconds % 60))" : "\(minutes):\(two(seconds % 60))"
    }
}
