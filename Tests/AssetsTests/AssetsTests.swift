import Assets
import Foundation
import Testing

@Suite("Built-in files") struct AssetsTests {
    /// The repository, three levels above this file.
    private let repository = URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL

    /// Runs the repository's own check of the list.
    @Test func listIsInStepWithTheFiles() throws {
        let check = Process()
        check.executableURL = repository.appending(path: "Sources/CAssets/generate.sh")
        check.arguments = ["--check"]
        try check.run()
        check.waitUntilExit()
        #expect(check.terminationStatus == 0, "run Sources/CAssets/generate.sh")
    }

    @Test func everyFileHasTheBytesOfTheRepository() throws {
        #expect(!Asset.all.isEmpty)
        for asset in Asset.all {
            let onDisk = try Data(contentsOf: repository.appending(path: asset.path))
            #expect(Data(asset.bytes) == onDisk, "\(asset.path)")
            #expect(asset.count == onDisk.count)
            #expect(asset.withBytes { $0.count } == onDisk.count)
        }
    }

    @Test func eachFileIsFoundByItsPathAndByItsFolder() {
        for asset in Asset.all {
            #expect(Asset.named(asset.path)?.path == asset.path)
            let folder = String(asset.path.dropLast(asset.name.count))
            #expect(Asset.under(folder).contains { $0.path == asset.path })
        }
        let paths = Asset.all.map(\.path)
        #expect(paths == paths.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    }

    @Test(arguments: ["", "sql", "redis-scripts/weir/", "zzz", "Sources/Dashboard/Assets/index.htm"])
    func whatIsNotThereIsNotFound(path: String) {
        #expect(Asset.named(path) == nil)
    }

    @Test func aPrefixFindsOnlyWhatBeginsWithIt() {
        #expect(Asset.under("").count == Asset.all.count)
        #expect(Asset.under("no such folder/").isEmpty)
        #expect(Asset.under("redis-scripts/").allSatisfy { $0.path.hasPrefix("redis-scripts/") })
    }
}
