import Foundation
import Glibc
import Testing

@testable import Service

@Suite("Self-metrics") struct MetricsTests {
    private let registry = MetricsRegistry()

    private func rendered() -> String { String(decoding: registry.render(), as: UTF8.self) }

    @Test func rendersTheTextFormat() {
        registry.counter("weir_requests_total", help: "Requests.", labels: ["method": "GET", "code": "200"]).add(3)
        registry.counter("weir_requests_total", help: "Requests.", labels: ["code": "500", "method": "GET"]).add()
        registry.gauge("weir_lag_seconds", help: "Back\\slash\nand line.").set(0.25)
        registry.function(.gauge, "weir_open_connections", help: "Open.") { 7 }
        registry.collector(.gauge, "weir_partition_lag_events", help: "Per partition.") {
            [(["partition": "0"], 1), (["partition": "1"], .infinity)]
        }
        #expect(
            rendered() == """
                # HELP weir_lag_seconds Back\\\\slash\\nand line.
                # TYPE weir_lag_seconds gauge
                weir_lag_seconds 0.25
                # HELP weir_open_connections Open.
                # TYPE weir_open_connections gauge
                weir_open_connections 7
                # HELP weir_partition_lag_events Per partition.
                # TYPE weir_partition_lag_events gauge
                weir_partition_lag_events{partition="0"} 1
                weir_partition_lag_events{partition="1"} +Inf
                # HELP weir_requests_total Requests.
                # TYPE weir_requests_total counter
                weir_requests_total{code="200",method="GET"} 3
                weir_requests_total{code="500",method="GET"} 1

                """)
    }

    @Test func histogramCountsUpToAndIncludingEachBound() {
        let histogram = registry.histogram(
            "weir_wait_seconds", help: "Wait.", labels: ["op": "x"], upperBounds: [0.1, 1])
        for value in [0.05, 0.1, 0.5, 2, .nan] { histogram.observe(value) }
        histogram.observe(nanoseconds: 250_000_000)
        #expect(
            rendered() == """
                # HELP weir_wait_seconds Wait.
                # TYPE weir_wait_seconds histogram
                weir_wait_seconds_bucket{op="x",le="0.1"} 2
                weir_wait_seconds_bucket{op="x",le="1"} 4
                weir_wait_seconds_bucket{op="x",le="+Inf"} 5
                weir_wait_seconds_sum{op="x"} 2.9
                weir_wait_seconds_count{op="x"} 5

                """)
    }

    @Test func labelValuesAreEscaped() {
        #expect(MetricLabels([("path", "a\\b\"c\nd")]).text == #"{path="a\\b\"c\nd"}"#)
    }

    @Test func sameNameAndLabelsAreOneInstrument() {
        let first = registry.counter("weir_x_total", help: "X.", labels: ["a": "1", "b": "2"])
        let second = registry.counter("weir_x_total", help: "X.", labels: ["b": "2", "a": "1"])
        #expect(first === second)
    }

    @Test func updatesFromManyThreadsAreAllCounted() {
        let counter = registry.counter("weir_c_total", help: "C.")
        let gauge = registry.gauge("weir_g", help: "G.")
        let histogram = registry.histogram("weir_h_seconds", help: "H.")
        let threads = (0..<4).map { _ in
            NativeThread(name: "metrics") {
                for _ in 0..<5_000 {
                    counter.add(2)
                    gauge.add(0.5)
                    histogram.observe(0.001)
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(counter.value == 40_000)
        #expect(gauge.value == 10_000)
        #expect(histogram.count == 20_000)
    }

    @Test func readsTheStatLineOfAProgramWithAnOddName() throws {
        let line =
            "42 (a ) (b) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 4 0 1000 123456789 2048 18446744073709551615 0\n"
        let status = try #require(
            ProcessStatus(stat: line, bootSeconds: 1_000_000, ticksPerSecond: 100, pageBytes: 4096))
        #expect(status.cpuSeconds == 3)
        #expect(status.startSeconds == 1_000_010)
        #expect(status.virtualBytes == 123_456_789)
        #expect(status.residentBytes == 2048 * 4096)
        #expect(ProcessStatus(stat: "42 (x) S 1", bootSeconds: 0, ticksPerSecond: 100, pageBytes: 4096) == nil)
    }

    @Test func processMetricsDescribeThisProcess() throws {
        registry.addProcessMetrics()
        let values = Dictionary(
            uniqueKeysWithValues: rendered().split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
                let parts = line.split(separator: " ")
                return (String(parts[0]), Double(parts[1]) ?? .nan)
            })
        let now = Date().timeIntervalSince1970
        #expect(try #require(values["process_cpu_seconds_total"]) >= 0)
        #expect(try #require(values["process_resident_memory_bytes"]) > 1_000_000)
        #expect((now - 3_600...now + 1).contains(try #require(values["process_start_time_seconds"])))
        #expect(try #require(values["process_open_fds"]) >= 3)
        #expect(try #require(values["process_max_fds"]) >= 64)
    }

    @Test func namesThatPromtoolRefusesStopTheProcess() async {
        await #expect(processExitsWith: .failure) {
            _ = MetricsRegistry().counter("weir_requests", help: "No total.")
        }
        await #expect(processExitsWith: .failure) {
            _ = MetricsRegistry().gauge("weir_wait_milliseconds", help: "No base unit.")
        }
        await #expect(processExitsWith: .failure) {
            _ = MetricsRegistry().gauge("weir_Wait", help: "Upper case.")
        }
        await #expect(processExitsWith: .success) {
            _ = MetricsRegistry().gauge("weir_build_info", help: "The build.", labels: ["version": "1"])
        }
    }
}
