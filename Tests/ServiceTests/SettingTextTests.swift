import Service
import TestKit
import Testing

@Suite("Texts of settings") struct SettingTextTests {
    @Test(
        "lengths of time",
        arguments: [
            ("250ms", Duration.milliseconds(250)), ("60s", .seconds(60)), ("5m", .seconds(300)),
            ("12h", .seconds(43_200)),
            ("7d", .seconds(604_800)), ("1.5s", .milliseconds(1_500)), ("0.25ms", .microseconds(250)), ("0", .zero),
            ("0s", .zero),
        ])
    func durations(text: String, expected: Duration) { #expect(Duration(settingText: text) == expected) }

    @Test(
        "what is no length of time",
        arguments: [
            "", "5", "s", "-5s", "5 s", "5S", "1.s", ".5s", "1.2.3s", "5w", "٣s", "1e3s", "99999999999999999999999d",
        ])
    func noDurations(text: String) { #expect(Duration(settingText: text) == nil) }

    @Test(
        "numbers of bytes",
        arguments: [
            ("4096", 4096), ("64KiB", 65_536), ("8mib", 8 << 20), ("1.5GiB", 3 << 29), ("10MB", 10_000_000),
            ("1 kb", 1_000), ("7B", 7),
        ])
    func bytes(text: String, expected: Int) { #expect(ByteCount(settingText: text)?.bytes == expected) }

    @Test("what is no number of bytes", arguments: ["", "-1", "KiB", "1k", "0.3B", "1.5", "99999999999GiB", "1..5MB"])
    func noBytes(text: String) { #expect(ByteCount(settingText: text) == nil) }

    @Test("texts are read back as what they were written from", arguments: Seed.range(200))
    func roundTrip(seed: Seed) {
        var rng = SplitMix64(seed)
        let ms = Int64.random(in: 0...(1 << Int64.random(in: 0...40, using: &rng)), using: &rng)
        let time = Duration.milliseconds(ms)
        #expect(Duration(settingText: time.settingText) == time)
        let size = ByteCount(bytes: Int(ms) << Int.random(in: 0...20, using: &rng))
        #expect(ByteCount(settingText: size.settingText) == size)
    }

    @Test(
        "addresses",
        arguments: [
            ("127.0.0.1:8080", "127.0.0.1", UInt16(8080), true), ("localhost:0", "localhost", 0, true),
            ("[::1]:65535", "::1", 65535, true), (":8080", "", 8080, false), ("0.0.0.0:80", "0.0.0.0", 80, false),
            ("127.evil.example:80", "127.evil.example", 80, false), ("[::]:80", "::", 80, false),
            ("127.9.9.9:1", "127.9.9.9", 1, true),
            ("127.0.0.1.nip.io:80", "127.0.0.1.nip.io", 80, false),
        ])
    func addresses(text: String, host: String, port: UInt16, loopback: Bool) throws {
        let address = try #require(HostPort(settingText: text))
        #expect(address == HostPort(host: host, port: port))
        #expect(address.isLoopback == loopback)
        #expect(address.description == text)
    }

    @Test(
        "what is no address",
        arguments: [
            "", "8080", "host", "host:", "host:65536", "::1:80", "[::1]", "[x]:80", "a b:80", "http://a:80", "h:-1",
        ])
    func noAddresses(text: String) { #expect(HostPort(settingText: text) == nil) }
}
