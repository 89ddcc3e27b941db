// swift-tools-version: 6.0
// A package of its own, as users have: `Tests/Example/try` puts a versioned git dependency in place of the path, and builds it elsewhere.
import PackageDescription

let package = Package(
  name: "example",
  dependencies: [
    .package(name: "heartwood", path: "../..")
  ],
  targets: [
    .executableTarget(name: "ReadRecord", dependencies: [.product(name: "WFDB", package: "heartwood")]),
    .executableTarget(name: "AddRanks", dependencies: [.product(name: "MPI", package: "heartwood")]),
  ],
  swiftLanguageModes: [.v6]
)
