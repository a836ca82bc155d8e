package import Wire

/// Finds the handler for a request by its path, then by its method.
///
/// A path is literal segments and `{name}` segments, each of which takes one whole segment; a literal one wins over a name.
/// `HEAD` is answered by the handler for `GET`, `OPTIONS` by the router, an unknown path with 404, a method the path does not
/// know with 405 and `Allow`.
package struct Router: RequestHandler {
    /// What a route leads to.
    package typealias Handle = @Sendable (HTTPRequest, HTTPResponder) -> Void

    private struct Route: Sendable {
        let path: String
        let names: [String]
        var byMethod: [HTTPMethod: Handle] = [:]

        var allow: String {
            var methods = byMethod.keys.map(\.description)
            if byMethod[.get] != nil && byMethod[.head] == nil { methods.append("HEAD") }
            return (methods + ["OPTIONS"]).sorted().joined(separator: ", ")
        }
    }

    private struct Node: Sendable {
        var literals: [[UInt8]: Int] = [:]
        var named: Int?
        var route: Route?
    }

    private var nodes = [Node()]

    package init() {}

    /// Adds a route, such as `/api/v1/metrics/{name}/series`.
    ///
    /// - Precondition: the same method and path are not there yet, and paths that differ in names only use the same names.
    package mutating func on(_ method: HTTPMethod, _ path: String, _ handle: @escaping Handle) {
        precondition(path.hasPrefix("/"), "a route begins with /")
        var names: [String] = []
        var index = 0
        for segment in path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            if segment.hasPrefix("{") && segment.hasSuffix("}") {
                names.append(String(segment.dropFirst().dropLast()))
                index = child(of: index, nodes[index].named) { $0.named = $1 }
            } else {
                let bytes = Array(segment.utf8)
                index = child(of: index, nodes[index].literals[bytes]) { $0.literals[bytes] = $1 }
            }
        }
        var route = nodes[index].route ?? Route(path: path, names: names)
        precondition(route.names == names, "\(path): the same path has other names for its segments")
        precondition(route.byMethod.updateValue(handle, forKey: method) == nil, "\(method) \(path) is routed twice")
        nodes[index].route = route
    }

    /// Every route as it was added, such as `GET /api/v1/query`, in order.
    package var routes: [String] {
        nodes.compactMap(\.route).flatMap { route in route.byMethod.keys.map { "\($0) \(route.path)" } }.sorted()
    }

    /// `on` for the two most usual methods.
    package mutating func get(_ path: String, _ handle: @escaping Handle) { on(.get, path, handle) }
    package mutating func post(_ path: String, _ handle: @escaping Handle) { on(.post, path, handle) }

    /// Hands `request` to its route.
    package func handle(_ request: HTTPRequest, _ responder: HTTPResponder) {
        let path = request.head.rawPath
        guard path.first == UInt8(ascii: "/") else {
            // OPTIONS * asks about the server as a whole.
            return responder.respond(HTTPResponse(.noContent))
        }
        let segments = path.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map(
            decoded)
        var values: [[UInt8]] = []
        guard let route = find(segments[...], 0, &values) else {
            return responder.respond(HTTPResponse(problem: .notFound, detail: "There is nothing at this address."))
        }
        if let handle = route.byMethod[request.method] ?? (request.method == .head ? route.byMethod[.get] : nil) {
            var request = request
            request.pathParameters = zip(route.names, values).map { ($0, String(decoding: $1, as: UTF8.self)) }
            return handle(request, responder)
        }
        var response =
            request.method == .options
            ? HTTPResponse(.noContent)
            : HTTPResponse(problem: .methodNotAllowed, detail: "This address knows \(route.allow) only.")
        response.fields.append("Allow", route.allow)
        responder.respond(response)
    }

    private func decoded(_ segment: ArraySlice<UInt8>) -> [UInt8] {
        guard segment.contains(UInt8(ascii: "%")) else { return Array(segment) }
        return PercentCoding.decoded(segment) ?? Array(segment)
    }

    private func find(_ segments: ArraySlice<[UInt8]>, _ index: Int, _ values: inout [[UInt8]]) -> Route? {
        guard let segment = segments.first else { return nodes[index].route }
        if let next = nodes[index].literals[segment], let found = find(segments.dropFirst(), next, &values) {
            return found
        }
        guard let next = nodes[index].named, !segment.isEmpty else { return nil }
        values.append(segment)
        if let found = find(segments.dropFirst(), next, &values) { return found }
        values.removeLast()
        return nil
    }

    private mutating func child(of parent: Int, _ known: Int?, _ link: (inout Node, Int) -> Void) -> Int {
        if let known { return known }
        nodes.append(Node())
        link(&nodes[parent], nodes.count - 1)
        return nodes.count - 1
    }
}
