// swift-tools-version: 6.0
import Foundation
import PackageDescription

/// Which MPI to build against. Each has a build folder of its own: see Launch/mpi.bash.
let mpis = [
  "openmpi": (pkgConfig: "ompi-c", package: "libopenmpi-dev"),
  "mpich": (pkgConfig: "mpich", package: "libmpich-dev"),
]
let chosen = Context.environment["HEARTWOOD_MPI"] ?? ""
guard let mpi = mpis[chosen.isEmpty ? "openmpi" : chosen] else {
  FileHandle.standardError.write(Data("HEARTWOOD_MPI=\(chosen): there are openmpi and mpich\n".utf8))
  exit(64)
}

let package = Package(
  name: "heartwood",
  products: [
    .executable(name: "heartwood", targets: ["heartwood"]),
    .library(name: "WFDB", targets: ["WFDB"]),
    .library(name: "MPI", targets: ["MPI"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
  ],
  targets: [
    // C: MPI's macros, vector kernels.
    .systemLibrary(name: "CMPI", pkgConfig: mpi.pkgConfig, providers: [.apt([mpi.package])]),
    .target(name: "CMPIShim", dependencies: ["CMPI"]),
    .target(name: "CKernels", linkerSettings: [.linkedLibrary("m")]),

    // Swift, lowest first. Arrows run one way.
    .target(name: "MPI", dependencies: ["CMPIShim"]),
    .target(name: "Files"),
    .target(name: "WFDB", dependencies: ["Files"]),
    .target(name: "Layers", dependencies: ["CKernels"]),
    .target(name: "Cohort", dependencies: ["WFDB"]),
    .target(name: "SharedTrunk", dependencies: ["CKernels", "Cohort", "Files", "Layers", "MPI", "WFDB"]),
    .target(
      name: "ONNX", dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
      exclude: ["onnx.proto"]),
    .target(name: "Report"),
    .target(
      name: "TensorBoard",
      dependencies: ["Files", .product(name: "SwiftProtobuf", package: "swift-protobuf")],
      exclude: ["event.proto"]),
    .target(name: "Scaling"),
    .executableTarget(
      name: "heartwood",
      dependencies: [
        "Cohort", "Files", "Layers", "MPI", "ONNX", "Report", "Scaling", "SharedTrunk", "TensorBoard", "WFDB",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Yams", package: "Yams"),
      ]),

    // What the fuzzer runs, and a test that runs it over the corpus.
    .target(
      name: "FuzzTargets", dependencies: ["heartwood", "SharedTrunk", "WFDB"], path: "Tests/Fuzz/Targets"),
    .testTarget(name: "FuzzTests", dependencies: ["FuzzTargets"], path: "Tests/Fuzz/Replay"),

    .executableTarget(
      name: "MPISelfTest", dependencies: ["CMPIShim", "MPI"], path: "Tests/MPISelfTest"),
    .testTarget(name: "MPITests", dependencies: ["MPI", "MPISelfTest"]),
    .testTarget(name: "FilesTests", dependencies: ["Files"]),
    .testTarget(name: "WFDBTests", dependencies: ["WFDB"], exclude: ["Fixtures"]),
    .testTarget(name: "LayersTests", dependencies: ["Layers", "CKernels"], exclude: ["Fixtures"]),
    .testTarget(name: "CohortTests", dependencies: ["Cohort", "WFDB"], exclude: ["Fixtures"]),
    .testTarget(
      name: "SharedTrunkTests", dependencies: ["Cohort", "MPI", "SharedTrunk"], exclude: ["Fixtures"]),
    .testTarget(name: "ReportTests", dependencies: ["Report"]),
    .testTarget(name: "ScalingTests", dependencies: ["Scaling"]),
    .target(name: "EventReader", dependencies: ["TensorBoard"], path: "Tests/EventReader"),
    .testTarget(name: "TensorBoardTests", dependencies: ["EventReader", "Files", "TensorBoard"]),
    .testTarget(
      name: "HeartwoodTests",
      dependencies: [
        "Cohort", "EventReader", "heartwood", "Layers", "MPI", "ONNX", "SharedTrunk", "WFDB",
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)
