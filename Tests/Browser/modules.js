// Checks of the page's modules, run in the page by run.py: returns what failed.
const { SeriesTable } = await import('/assets/series.js');
const { number, quantity, text, title } = await import('/assets/format.js');
const { panelsOf } = await import('/assets/overview.js');
const { milliseconds, reconnectDelay, subscriptionID } = await import('/assets/weir.js');

const failures = [];
function same(claim, got, wanted) {
    if (JSON.stringify(got) !== JSON.stringify(wanted)) {
        failures.push(`${claim}: got ${JSON.stringify(got)}, wanted ${JSON.stringify(wanted)}`);
    }
}

// Merging: by labels and bucket, whole values, in any order.
const snapshot = {
    step: 1000, as_of: 5000,
    series: [{ labels: { b: '1', a: 'x' }, t: [1000, 2000], rate: [1, 2] }, { labels: { a: 'y', b: '1' }, t: [4000], rate: [9] }],
};
const table = new SeriesTable(['rate'], ['a', 'b']);
table.load(snapshot);
const all = () => [...table.series.values()];
same('series are named in the order of grouping', all().map(({ name }) => name), ['x · 1', 'y · 1']);
same('an absent bucket is 0 between known ones', table.grid(all(), 0, 6000, true).values,
    [[[null, 1, 2, 0, 0, null]], [[null, 0, 0, 0, 9, null]]]);
same('or a gap', table.grid(all(), 0, 6000, false).values[0], [[null, 1, 2, null, null, null]]);
same('an update says its oldest bucket', table.merge({ series: [{ labels: { a: 'x', b: '1' }, t: [3000, 1000], rate: [3, 7] }] }, 9e9), 1000);
same('a late event corrects its bucket', table.grid(all(), 1000, 4000, true).values[0], [[7, 2, 3]]);
const before = JSON.stringify(table.grid(all(), 0, 9000, true));
table.merge({ series: [{ labels: { a: 'x', b: '1' }, t: [3000, 1000], rate: [3, 7] }] }, 9e9);
same('a repeated update changes nothing', JSON.stringify(table.grid(all(), 0, 9000, true)), before);
same('freshness never goes back', table.asOf, 5000);
table.trim(4000);
same('what has left the window is forgotten, empty series too', all().map(({ name }) => name), ['y · 1']);
table.load({ step: 1000, series: [], as_of: 7000 });
same('a snapshot replaces everything', [all().length, table.asOf], [0, 7000]);
const quantiles = new SeriesTable(['p50', 'p99']);
quantiles.load({ step: 1000, series: [{ labels: {}, t: [1000], p99: [5] }] });
same('an aggregation that is not there is a gap', quantiles.grid([...quantiles.series.values()], 1000, 2000, false).values, [[[null], [5]]]);

// Reconnecting: full jitter under a doubling bound.
same('the bound doubles up to 30 s', [0, 1, 2, 5, 6, 60].map((attempt) => reconnectDelay(attempt, () => 1)), [500, 1000, 2000, 16000, 30000, 30000]);
same('all of the range is used', reconnectDelay(4, () => 0), 0);

same('lengths of time', ['100ms', '5m', '1h', '2d', '', undefined, '5'].map(milliseconds), [100, 300000, 3600000, 172800000, 0, 0, 0]);

// Equal questions have equal ids, however they are written.
const question = { metric: 'm', agg: ['p50'], by: ['a'], window: '5m', step: '1s', every: '100ms' };
same('filters in any order', subscriptionID({ ...question, label: { x: '1', a: '2' } }), subscriptionID({ ...question, label: { a: '2', x: '1' } }));
if (subscriptionID(question) === subscriptionID({ ...question, step: '5s' })) failures.push('another step must be another id');

// Words.
same('numbers', [0, 0.0123, 1.234, 12.34, 99.96, 123.4, 1234, 9999.6, 12345, 1.5e6, 2e9].map(number),
    ['0', '0.012', '1.23', '12.3', '100', '123', '1,234', '10.0k', '12.3k', '1.50M', '2.00G']);
same('quantities', [quantity(1500, 'ms'), quantity(12.5, 'ms'), quantity(0.0213, '%'), quantity(null, 'ms'), quantity(5000, 'B/s')],
    [['1.50', 's'], ['12.5', 'ms'], ['2.13', '%'], ['–', ''], ['5.00', 'kB/s']]);
same('units', [text(3, '/s'), text(0.5, '%'), text(3, 'ms')], ['3.00/s', '50.0%', '3.00 ms']);
same('titles', [title('request_count'), title('http.errors')], ['Request count', 'Http errors']);

// The overview arranges itself.
const arranged = panelsOf([
    { name: 'a', kind: 'counter', unit: '', by: ['s', 'e'] }, { name: 'b', kind: 'ratio', by: [] },
    { name: 'c', kind: 'distribution', unit: 'ms', by: ['s'] }, { name: 'd', kind: 'top', by: [] }, { name: 'e', kind: 'of tomorrow', by: [] },
]).map(({ id, by, shown, unit }) => [id, by.join(), shown.join(), unit]);
same('each kind has its panels', arranged,
    [['a', 's', 'rate', '/s'], ['b', '', 'ratio', '%'], ['c', '', 'p50,p90,p99', 'ms'], ['c.p99', 's', 'p99', 'ms'], ['d', '', 'top', '']]);

// Filters as the API writes them, there and back.
const { readFilter, writeFilter } = await import('/assets/metric.js');
for (const [values, not] of [[['a', 'b,c'], false], [['!x', '*', 'a\\b'], true], [['a!b'], false]]) {
    same('a filter comes back', readFilter(writeFilter(values, not)), { values, not });
}

// Ranges.
const { absolute, relative } = await import('/assets/ranges.js');
same('ranges of the address', [relative('5m').live, relative('45m').ms, relative('9s'), relative('x'), absolute(5000, 9000), absolute(0, 60000).ms],
    [true, 2700000, undefined, undefined, undefined, 60000]);

return failures;
