/// Why the harness itself could not do what a test asked of it; never what a test is about.
package struct TestKitError: Error, CustomStringConvertible {
    /// What was tried, what happened, and what the other side last said.
    package let description: String

    package init(_ description: String) { self.description = description }
}
