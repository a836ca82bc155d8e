/// A grid of dots, eight in each character: two columns and four rows.
struct BrailleCanvas {
    /// By the dot's row and column in its cell; U+2800 plus these bits is the character.
    private static let bits: [[UInt8]] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]

    /// In characters.
    let width: Int
    let height: Int
    private var dots: [UInt8]
    /// Who drew last in a cell: a cell has one colour.
    private var owners: [Int]

    init(width: Int, height: Int) {
        precondition(width > 0 && height > 0, "a canvas has at least one cell")
        self.width = width
        self.height = height
        dots = Array(repeating: 0, count: width * height)
        owners = Array(repeating: 0, count: width * height)
    }

    var dotColumns: Int { width * 2 }
    var dotRows: Int { height * 4 }

    /// Sets a dot, counted from the left and from the top; nothing where it lies outside.
    mutating func set(_ x: Int, _ y: Int, owner: Int) {
        guard (0..<dotColumns).contains(x), (0..<dotRows).contains(y) else { return }
        let cell = y / 4 * width + x / 2
        dots[cell] |= Self.bits[y % 4][x % 2]
        owners[cell] = owner
    }

    /// Draws a straight line, both ends included. Source: Bresenham's algorithm for all octants.
    mutating func line(_ from: (x: Int, y: Int), _ to: (x: Int, y: Int), owner: Int) {
        var (x, y) = from
        let (dx, dy) = (abs(to.x - x), -abs(to.y - y))
        let (stepX, stepY) = (to.x > x ? 1 : -1, to.y > y ? 1 : -1)
        var error = dx + dy
        while true {
            set(x, y, owner: owner)
            if (x, y) == to { return }
            let twice = 2 * error
            if twice >= dy {
                error += dy
                x += stepX
            }
            if twice <= dx {
                error += dx
                y += stepY
            }
        }
    }

    /// A row of characters; empty cells are spaces.
    func row(_ row: Int, _ style: TerminalStyle) -> String {
        var text = ""
        var run = ""
        var owner = 0
        func finish() { text += run.isEmpty ? "" : run.allSatisfy { $0 == " " } ? run : style.line(owner, run) }
        for cell in row * width..<(row + 1) * width {
            let character = Character(dots[cell] == 0 ? " " : Unicode.Scalar(0x2800 + UInt32(dots[cell])) ?? " ")
            if dots[cell] != 0, owners[cell] != owner {
                finish()
                (run, owner) = ("", owners[cell])
            }
            run.append(character)
        }
        finish()
        return text
    }
}
