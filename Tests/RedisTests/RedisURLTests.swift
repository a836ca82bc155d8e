import Reactor
import Testing

@testable import Redis

@Suite("Redis address")
struct RedisURLTests {
    @Test(arguments: [
        ("redis://localhost", "redis://localhost:6379/0"),
        ("redis://127.0.0.1:7000/3", "redis://127.0.0.1:7000/3"),
        ("redis://[::1]:7000", "redis://[::1]:7000/0"),
        ("redis://[::1]", "redis://[::1]:6379/0"),
        ("redis://ana:secret@h:1/", "redis://ana:***@h:1/0"),
        ("redis://:secret@h", "redis://:***@h:6379/0"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
        ("unix:///run/a%20b.sock?db=4", "unix:///run/a b.sock?db=4"),
    ])
    func isReadAndShownWithoutItsPassword(text: String, shown: String) throws {
        #expect(try RedisURL(text).description == shown)
    }

    @Test func credentialsAreDecoded() throws {
        let url = try RedisURL("redis://an%61:p%40ss:w@rd@h:1/2")
        #expect(url.user == "ana")
        #expect(url.password == "p@ss:w@rd")
        #expect(url.endpoint == .tcp(host: "h", port: 1))
        #expect(url.database == 2)
    }

    @Test(arguments: [
        ("localhost:6379", "redis://"), ("http://h", "http://"), ("redis://", "host"), ("redis://h:x", "port"),
        ("redis://h:0", "port"), ("redis://h:70000", "port"), ("redis://h/x", "database"), ("redis://h/-1", "database"),
        ("redis://secret@h", "user:password"), ("redis://:%zz@h", "hexadecimal"), ("redis://[::1", "IPv6"),
        ("unix://run/redis.sock", "absolute"), ("unix:///a?x=1", "?db="), ("rediss://h", "TLS"),
        ("redis+cluster://a:1,b:2", "Cluster"), ("redis+cluster://a:1,b:x", "port"),
    ])
    func aBadOneIsRefusedWithItsReason(text: String, reason: String) {
        #expect {
            try RedisURL(text)
        } throws: { error in
            guard let error = error as? RedisError else { return false }
            return error.code == .badConfiguration && error.detail.contains(reason) && !error.detail.contains("secret")
        }
    }
}
