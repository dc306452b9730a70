// swift-tools-version: 6.2
import PackageDescription

var swift: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

// Set by `./test --fuzz`, which builds in a folder of its own: our code then has libFuzzer's eyes, the address
// sanitizer, and the checks that the standard library leaves out of optimised code.
let isFuzzed = Context.environment["APUS_FUZZ"] != nil
let sanitizers = ["-sanitize=fuzzer,address"]
if isFuzzed { swift.append(.unsafeFlags(sanitizers + ["-assert-config", "Debug"])) }

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let httpClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let sqlite = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")
let jwt = Target.Dependency.product(name: "JWTKit", package: "jwt-kit")
let yams = Target.Dependency.product(name: "Yams", package: "yams")

// The list of targets is the introduction: ground first, assembly last. Imports point up this list only.
let package = Package(
  name: "apus",
  platforms: [.macOS(.v15)],
  products: [.executable(name: "apus", targets: ["App"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
    .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
    .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1", traits: []),
    .package(url: "https://github.com/jpsim/yams", exact: "6.2.2"),
    .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
    .package(url: "https://github.com/vapor/jwt-kit", exact: "5.7.1"),
  ],
  targets: [
    .target(name: "CProcess"),
    .target(name: "CAssets", exclude: ["openapi.json"]),
    .target(name: "CPostgres"),
    .target(name: "Kernel", dependencies: [], swiftSettings: swift),
    .target(name: "Wire", dependencies: [nioCore, nioPosix, nioHTTP1, nioSSL, nioTLS], swiftSettings: swift),
    .target(
      name: "Store",
      dependencies: [
        "CPostgres", "Kernel", "Wire", nioCore, nioPosix, nioSSL, logging, lifecycle, crypto, grdb, sqlite,
      ],
      swiftSettings: swift),
    .target(
      name: "Web",
      dependencies: [
        "Kernel", "Wire", nioCore, nioPosix, nioHTTP1, nioSSL, logging, crypto, lifecycle, httpTypes,
        hummingbird,
      ],
      swiftSettings: swift),
    .target(
      name: "Gateway",
      dependencies: [
        "CProcess", "Kernel", "Web", "Wire", nioCore, nioPosix, nioHTTP1, nioSSL, logging, lifecycle, httpTypes,
        httpClient, hummingbird,
      ],
      swiftSettings: swift),
    .target(
      name: "Accounts",
      dependencies: [
        "Kernel", "Store", "Web", "Wire", nioCore, nioPosix, nioHTTP1, logging, crypto, lifecycle, httpTypes,
        httpClient,
        hummingbird, jwt,
      ],
      swiftSettings: swift),
    .executableTarget(
      name: "App",
      dependencies: [
        "Accounts", "CAssets", "Gateway", "Kernel", "Store", "Web", nioCore, nioPosix, nioHTTP1, nioSSL, logging,
        lifecycle, httpClient,
        arguments, yams,
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ],
      swiftSettings: swift),
    .target(name: "TestKit", dependencies: [nioCore, nioPosix, nioHTTP1], swiftSettings: swift),
    .testTarget(name: "KernelTests", dependencies: ["Kernel"], swiftSettings: swift),
    .testTarget(
      name: "WireTests", dependencies: ["Wire", nioCore, nioEmbedded, nioHTTP1, nioPosix, nioSSL],
      swiftSettings: swift),
    .testTarget(
      name: "StoreTests",
      dependencies: ["Kernel", "Store", "TestKit", "Wire", nioCore, nioEmbedded, nioPosix, logging, grdb],
      swiftSettings: swift),
    .testTarget(
      name: "WebTests", dependencies: ["Kernel", "TestKit", "Web", "Wire", logging, nioCore, nioEmbedded, nioHTTP1],
      swiftSettings: swift),
    .testTarget(
      name: "GatewayTests",
      dependencies: [
        "CProcess", "Gateway", "Kernel", "TestKit", "Web", "Wire", nioCore, nioHTTP1, nioPosix, logging, lifecycle,
        hummingbird,
      ],
      swiftSettings: swift),
    .testTarget(
      name: "AccountsTests",
      dependencies: [
        "Accounts", "Kernel", "Store", "TestKit", "Web", "Wire", nioCore, nioHTTP1, nioPosix, logging, crypto, jwt,
        hummingbird,
      ],
      swiftSettings: swift),
    .testTarget(
      name: "AppTests",
      dependencies: ["Accounts", "App", "Gateway", "Kernel", "Store", "Web", logging, nioHTTP1, nioPosix],
      swiftSettings: swift),
    .testTarget(name: "TidyTests", swiftSettings: swift),
  ]
)

if isFuzzed {
  package.targets += [
    .target(name: "CFuzz"),
    .executableTarget(
      name: "Fuzz", dependencies: ["CFuzz", "Kernel", "Wire", nioCore, nioEmbedded, nioHTTP1], swiftSettings: swift,
      linkerSettings: [.unsafeFlags(sanitizers + ["-use-ld=lld"])]),
  ]
}
