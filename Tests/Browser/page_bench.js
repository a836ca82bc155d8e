// Put into the dashboard before its own code by page_bench.py: a server's answers and live updates, simulated, so that nothing
// but the page is measured, and an hour of updates fits into minutes. Every chart has 10 series of 5 minutes of seconds.
{
    const { charts, rush } = window.benchOptions; // rush: ms of simulated time a pass; 0: as fast as the clock
    const SERIES = 10, STEP = 1000, EVERY = 100, PASS = 1; // ms
    const realNow = Date.now.bind(Date);
    let clock = realNow();
    if (rush) Date.now = () => clock;

    const metrics = Array.from({ length: charts }, (_, i) => ({
        name: `gauge_${String(i).padStart(2, '0')}`, kind: 'gauge', unit: 'ms', by: ['service'], aggregations: ['mean', 'min', 'max'], series: SERIES,
    }));
    const names = Array.from({ length: SERIES }, (_, i) => `service-${i}`);
    const json = (value) => new Response(JSON.stringify(value), { headers: { 'Content-Type': 'application/json' } });
    window.fetch = async (address) => json(String(address).includes('/metrics') ? { metrics } : {});

    const bench = window.bench = { ticks: 0, messages: 0, bytes: 0, frames: [] };
    const followed = new Map(); // subscription id → a random walk a series
    const seconds = (at) => Math.floor(at / STEP) * STEP;
    const walked = (walk) => walk.map((v, i) => (walk[i] = Math.round(Math.max(1, v + (Math.random() - 0.5) * 12) * 1000) / 1000));

    window.WebSocket = class {
        static OPEN = 1;
        readyState = 0;
        constructor() {
            setTimeout(() => {
                this.readyState = 1;
                this.onopen({});
                this.say({ type: 'hello', server_time: Date.now() });
                this.run();
            });
        }
        say(message) {
            const data = JSON.stringify(message);
            bench.messages++;
            bench.bytes += data.length;
            this.onmessage({ data });
        }
        send(text) {
            const { type, id } = JSON.parse(text);
            if (type === 'unsubscribe') followed.delete(id);
            if (type !== 'subscribe') return;
            const walk = names.map((_, i) => 50 + i * 20);
            followed.set(id, walk);
            const t = Array.from({ length: 300 }, (_, i) => seconds(Date.now()) - (299 - i) * STEP);
            const rows = t.map(() => walked(walk).slice());
            const series = names.map((service, s) => ({ labels: { service }, t, mean: rows.map((row) => row[s]) }));
            setTimeout(() => this.say({ type: 'snapshot', id, step: STEP, series, as_of: Date.now(), tiers: ['memory'], took_ms: 0.1 }));
        }
        update() {
            bench.ticks++;
            const t = [seconds(Date.now())];
            for (const [id, walk] of followed) {
                const values = walked(walk);
                this.say({ type: 'update', id, seq: bench.ticks, series: names.map((service, s) => ({ labels: { service }, t, mean: [values[s]] })) });
            }
        }
        run() {
            if (!rush) return setInterval(() => this.update(), EVERY);
            const pass = () => {
                for (let done = 0; done < rush; done += EVERY) { clock += EVERY; this.update(); }
                setTimeout(pass, PASS);
            };
            pass();
        }
        close() {}
    };

    /** Counts frames a second from now on. */
    bench.start = () => {
        bench.frames = [];
        const begun = performance.now();
        requestAnimationFrame(function frame(now) {
            const second = Math.floor((now - begun) / 1000);
            if (second >= 0) bench.frames[second] = (bench.frames[second] ?? 0) + 1;
            requestAnimationFrame(frame);
        });
    };
}
