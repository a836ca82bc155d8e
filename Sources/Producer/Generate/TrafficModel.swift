/// The make-believe shop whose requests `weir generate` makes up.
struct TrafficModel: Sendable {
    /// One kind of request.
    struct Endpoint: Sendable {
        let service: String
        let path: String
        let method: String
        /// Its share of all requests, relative to the others.
        let weight: Double
        /// Half of the requests take less, in milliseconds.
        let medianMs: Double
        /// How wide the times spread: the deviation of their logarithm.
        let spread: Double
        /// The share that fails by the server's fault, on a good day.
        let errorShare: Double
        /// The share that fails by the client's fault.
        let clientErrorShare: Double
        /// The status of that.
        let clientErrorStatus: Int
    }

    let endpoints: [Endpoint]
    /// In order of first appearance.
    let services: [String]
    let regions: [(name: String, weight: Double)]

    init(endpoints: [Endpoint], regions: [(name: String, weight: Double)]) {
        self.endpoints = endpoints
        self.regions = regions
        var services: [String] = []
        for endpoint in endpoints where !services.contains(endpoint.service) { services.append(endpoint.service) }
        self.services = services
    }

    /// Five services, sixteen endpoints, four regions.
    static let shop = TrafficModel(
        endpoints: [
            Endpoint("web", "GET", "/", 22, ms: 14, 0.45, errors: 0.001, clients: 0.002),
            Endpoint("web", "GET", "/search", 12, ms: 48, 0.60, errors: 0.002, clients: 0.004, 400),
            Endpoint("web", "GET", "/help", 2, ms: 9, 0.35, errors: 0.0005, clients: 0.010),
            Endpoint("catalog", "GET", "/products", 16, ms: 22, 0.50, errors: 0.001, clients: 0.003),
            Endpoint("catalog", "GET", "/products/{id}", 18, ms: 12, 0.45, errors: 0.001, clients: 0.025),
            Endpoint("catalog", "GET", "/recommendations", 6, ms: 85, 0.70, errors: 0.004, clients: 0.001),
            Endpoint("catalog", "PUT", "/products/{id}", 0.5, ms: 60, 0.50, errors: 0.003, clients: 0.020, 409),
            Endpoint("account", "POST", "/login", 4, ms: 110, 0.40, errors: 0.002, clients: 0.060, 401),
            Endpoint("account", "GET", "/profile", 4, ms: 18, 0.40, errors: 0.001, clients: 0.008, 401),
            Endpoint("account", "DELETE", "/session", 1, ms: 11, 0.35, errors: 0.001, clients: 0.004, 401),
            Endpoint("checkout", "GET", "/cart", 6, ms: 20, 0.45, errors: 0.001, clients: 0.002),
            Endpoint("checkout", "POST", "/cart", 4, ms: 28, 0.50, errors: 0.002, clients: 0.015, 400),
            Endpoint("checkout", "POST", "/pay", 2, ms: 240, 0.55, errors: 0.006, clients: 0.030, 402),
            Endpoint("media", "GET", "/images/{id}", 26, ms: 5, 0.60, errors: 0.0004, clients: 0.012),
            Endpoint("media", "GET", "/videos/{id}", 3, ms: 35, 0.90, errors: 0.002, clients: 0.008),
            Endpoint("media", "POST", "/uploads", 0.5, ms: 420, 0.80, errors: 0.008, clients: 0.040, 413),
        ],
        regions: [("eu-west", 45), ("eu-central", 25), ("us-east", 20), ("ap-south", 10)])
}

extension TrafficModel.Endpoint {
    fileprivate init(
        _ service: String, _ method: String, _ path: String, _ weight: Double, ms: Double, _ spread: Double,
        errors: Double, clients: Double, _ clientErrorStatus: Int = 404
    ) {
        self.init(
            service: service, path: path, method: method, weight: weight, medianMs: ms, spread: spread,
            errorShare: errors, clientErrorShare: clients, clientErrorStatus: clientErrorStatus)
    }
}
