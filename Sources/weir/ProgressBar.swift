import Glibc
import Reactor

/// A line on the terminal that tells how far a long work is; nothing where standard error is no terminal.
enum ProgressBar {
    /// Draws `line` on `loop` ten times a second until the task is cancelled, and then once more; never if not `isShown`.
    static func start(
        on loop: EventLoop, isShown: Bool = true, _ line: @escaping @Sendable (_ width: Int) -> String
    ) -> Task<Void, any Error> {
        loop.spawn {
            guard isShown, isatty(STDERR_FILENO) == 1 else { return }
            while !Task.isCancelled {
                draw(line(width()))
                try? await Task.sleep(for: .milliseconds(100))
            }
            draw(line(width()) + "\n")
        }
    }

    private static func draw(_ text: String) {
        var line = "\r\u{1B}[K" + text
        line.withUTF8 { bytes in _ = unsafe write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
    }

    private static func width() -> Int {
        var size = winsize()
        guard unsafe ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 20 else { return 80 }
        return Int(size.ws_col) - 1
    }
}
