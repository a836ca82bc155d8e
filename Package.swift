// swift-tools-version: 6.2
import PackageDescription

// Who may import whom is the architecture, so every target lists exactly what it may use (docs/architecture.md); the build
// runs with `--explicit-target-dependency-import-check error`, which turns a missing entry here into a compile error.

/// Settings that every Swift target shares.
let common: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]
/// For all but the three wrappers of a C library: a pointer that leaks out of those needs the visible word `unsafe`.
let strict = common + [.strictMemorySafety()]

let package = Package(
    name: "weir",
    products: [.executable(name: "weir", targets: ["weir"])],
    targets: [
        // C libraries, and the files that are built into the executable.
        .systemLibrary(name: "CEvent"),
        .systemLibrary(name: "CHiredis"),
        .systemLibrary(name: "CPostgres", pkgConfig: "libpq"),
        .systemLibrary(name: "CZlib"),
        .target(name: "CAssets", exclude: ["generate.sh"], cSettings: [.unsafeFlags(["-std=c23"])]),

        // The core: values, codecs and state machines without I/O.
        .target(name: "Analytics", swiftSettings: strict),
        .target(name: "Wire", dependencies: ["Analytics", "Service"], swiftSettings: strict),
        .target(name: "Service", swiftSettings: strict),

        // What touches the outside.
        .target(name: "Reactor", dependencies: ["CEvent", "Service"], swiftSettings: common),
        .target(name: "Deflate", dependencies: ["CZlib"], swiftSettings: strict),
        .target(name: "WebServer", dependencies: ["Reactor", "Wire", "Service", "Deflate"], swiftSettings: strict),
        .target(name: "WebClient", dependencies: ["Reactor", "Wire", "Service", "Deflate"], swiftSettings: strict),
        .target(name: "Redis", dependencies: ["CHiredis", "Reactor", "Service"], swiftSettings: common),
        .target(name: "Postgres", dependencies: ["CPostgres", "Reactor", "Service"], swiftSettings: common),
        .target(name: "Assets", dependencies: ["CAssets"], swiftSettings: strict),
        .target(
            name: "RedisStore", dependencies: ["Analytics", "Wire", "Service", "Redis", "Assets"],
            swiftSettings: strict),
        .target(
            name: "PostgresStore", dependencies: ["Analytics", "Wire", "Service", "Postgres", "Assets"],
            swiftSettings: strict),

        // What each process does.
        .target(name: "Dashboard", dependencies: ["Assets"], exclude: ["Assets"], swiftSettings: strict),
        .target(
            name: "Front", dependencies: ["Analytics", "Wire", "Service", "WebServer", "Dashboard"],
            swiftSettings: strict),
        .target(name: "Worker", dependencies: ["Analytics", "Wire", "Service"], swiftSettings: strict),
        .target(name: "Compactor", dependencies: ["Analytics", "Wire", "Service"], swiftSettings: strict),
        .target(name: "Producer", dependencies: ["Analytics", "Wire", "Service"], swiftSettings: strict),
        .target(name: "Doctor", dependencies: ["Analytics", "Wire"], swiftSettings: strict),
        .target(name: "Bench", dependencies: ["Analytics", "Wire", "Service"], swiftSettings: strict),
        .target(name: "Terminal", dependencies: ["Analytics", "Service"], swiftSettings: strict),
        .executableTarget(
            name: "weir",
            dependencies: [
                "Analytics", "Wire", "Service", "Reactor", "WebServer", "WebClient", "Redis", "Postgres", "Assets",
                "RedisStore", "PostgresStore", "Dashboard", "Front", "Worker", "Compactor", "Producer", "Bench",
                "Terminal", "Doctor",
            ], swiftSettings: strict),

        // Tests.
        .target(name: "TestKit", path: "Tests/TestKit", swiftSettings: common),
        .executableTarget(
            name: "AutobahnEcho", dependencies: ["Reactor", "WebServer", "Wire"], path: "Tests/Autobahn/Echo",
            swiftSettings: common),
        .testTarget(name: "TestKitTests", dependencies: ["TestKit"], swiftSettings: common),
    ]
)

let tested: [String: [String]] = [
    "Analytics": [], "Wire": ["Analytics", "Service"], "Service": [], "Reactor": ["Service"],
    "Deflate": [], "WebServer": ["Reactor", "Wire", "Service", "WebClient", "Deflate"],
    "Redis": ["Reactor", "Service"], "Postgres": ["Reactor", "Service"], "Assets": [], "Dashboard": ["Assets"],
    "RedisStore": ["Analytics", "Wire", "Service", "Redis", "Reactor"],
    "PostgresStore": ["Analytics", "Wire", "Service", "Postgres", "Reactor"],
    "Front": ["Analytics", "Wire", "Service", "Reactor", "WebServer", "Dashboard", "Deflate"],
    "Worker": ["Analytics", "Wire", "Service"],
    "Compactor": ["Analytics", "Wire", "Service", "Postgres", "PostgresStore", "Reactor"],
    "Producer": ["Analytics", "Wire", "Service"], "Bench": ["Analytics", "Service"],
    "Terminal": ["Analytics", "Service"], "Doctor": ["Analytics", "Wire"],
]
for (target, others) in tested.sorted(by: { $0.key < $1.key }) {
    package.targets.append(
        .testTarget(
            name: "\(target)Tests", dependencies: ([target, "TestKit"] + others).map { .byName(name: $0) },
            swiftSettings: common))
}
package.targets.append(
    .testTarget(
        name: "IntegrationTests",
        dependencies: [
            "TestKit", "Analytics", "Wire", "Service", "Reactor", "Deflate", "Redis", "Postgres", "RedisStore",
            "PostgresStore",
            "Worker", "Compactor", "Front", "weir",
        ].map { .byName(name: $0) },
        swiftSettings: common))
