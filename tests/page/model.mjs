// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// A made-up host whose numbers follow from the time alone: what a window holds is the difference of
// two running totals, so that every answer of the mock adds up with every other. Nothing is random.

export const START = 1795890000;
export const BOUNDS = Array.from({ length: 256 }, (_, i) => 1e-6 * 2 ** (i / 8));

// ---- rows: one for each (service, kind, protocol, method, route, peer) ----

const R = (service, kind, method, route, rate, errors, median, more = {}) => ({
	service,
	namespace: "",
	kind,
	protocol: "http",
	method,
	route,
	peer: null,
	rate,
	errors,
	median,
	sigma: 0.5,
	code: "500",
	...more,
});

export const NORMAL = [
	R("web", "server", "GET", "/", 41.3, 0.001, 0.0121),
	R("web", "server", "GET", "/products/{id}", 23.7, 0.004, 0.0183),
	R("web", "server", "POST", "/cart", 6.1, 0, 0.0312),
	R("web", "server", "GET", null, 0.31, 0.5, 0.0004, { code: "404", mild: true }),
	R("web", "client", "GET", null, 58.2, 0.003, 0.0091, { peer: "10.0.0.12:8080", to: "shop" }),
	R("web", "client", "POST", null, 6.1, 0.021, 0.0274, { peer: "10.0.0.13:8081", to: "orders" }),
	R("shop", "server", "GET", "/products/{id}", 58.2, 0.003, 0.0066, { namespace: "eu" }),
	R("shop", "server", "DELETE", "/products/{id}", 0.05, 0, 0.0101, { namespace: "eu" }),
	R("shop", "client", "GET", null, 58.0, 0, 0.0007, { namespace: "eu", peer: "[fd00::6]:6379" }),
	R("shop", "client", null, "stock.v1.Stock/Get", 22.4, 0.012, 0.0028, {
		namespace: "eu",
		protocol: "grpc",
		peer: "stock.example:9000",
		to: "stock",
		code: "DEADLINE_EXCEEDED",
	}),
	R("orders", "server", "POST", "/orders", 6.1, 0.034, 0.0226, { burst: true }),
	R("orders", "server", "GET", "/orders/{id}", 2.2, 0, 0.0043),
	R("orders", "client", null, "stock.v1.Stock/Reserve", 6.1, 0.03, 0.0037, {
		protocol: "grpc",
		peer: "stock.example:9000",
		to: "stock",
		code: "UNAVAILABLE",
	}),
	R("orders", "client", "POST", null, 6.0, 0, 0.118, {
		peer: "payments.example.com:443",
		sigma: 0.9,
	}),
	R("orders", "client", "POST", null, 0.4, 0, 0.009, { peer: "10.0.0.11:8000", to: "web" }),
	R("stock", "server", null, "stock.v1.Stock/Get", 22.4, 0.012, 0.0021, {
		protocol: "grpc",
		code: "DEADLINE_EXCEEDED",
	}),
	R("stock", "server", null, "stock.v1.Stock/Reserve", 6.1, 0.03, 0.0029, {
		protocol: "grpc",
		code: "UNAVAILABLE",
	}),
	R("cron", "client", "GET", null, 0.0167, 0, 1.34, { peer: "10.0.0.13:8081", to: "orders" }),
	R("legacy-billing", "server", "GET", "/invoices/{id}", 0, 0, 0.2),
];

export const HOSTILE_TEXTS = [
	'<img src=x onerror="window.pwned=1">',
	'"><script>window.pwned=1</script>',
	"javascript:window.pwned=1//",
	"\u202eexe.gnp\u202d abc",
	"\u001b[31mred\u001b]0;title\u0007",
	"';alert(1);//{{7*7}}${7*7}",
	"n".repeat(3000),
	"<svg/onload=window.pwned=1>",
	"tab\tand\nline",
	"&lt;b&gt;&amp;",
	"\u0000nul",
	"__proto__",
	"zero\u200bwidth\ufeff",
	"'onmouseover='window.pwned=1",
];

export const HOSTILE = HOSTILE_TEXTS.flatMap((text, i) => [
	R(text, "server", text.slice(0, 60), "/" + text, 3 + i, 0.02, 0.004, {
		namespace: text,
		code: text.slice(0, 30),
	}),
	R(text, "client", "GET", null, 1 + i, 0, 0.002, {
		namespace: text,
		peer: text,
		to: i % 2 ? HOSTILE_TEXTS[(i + 1) % HOSTILE_TEXTS.length] : null,
	}),
]);

export const MANY = Array.from({ length: 500 }, (_, s) =>
	Array.from({ length: 10 }, (_, r) =>
		R(
			`service-${String(s).padStart(3, "0")}`,
			r === 9 ? "client" : "server",
			"GET",
			r === 9 ? null : `/resource-${r}/{id}`,
			0.5 + ((s * 7 + r * 13) % 40),
			s % 11 === 0 ? 0.02 : 0,
			0.001 * (1 + (s % 37)),
			r === 9
				? {
						peer: `10.1.0.${s % 250}:80`,
						to: `service-${String((s * 3 + 1) % 500).padStart(3, "0")}`,
					}
				: {},
		),
	),
).flat();

// ---- running totals ----

const BURST = [30, 45]; // seconds before START + 900, in which much fails

// Requests since START. Waves of 20 % in five minutes.
export function total(row, t) {
	const x = Math.max(0, t - START);
	return Math.floor(
		row.rate * (x + 0.2 * (300 / (2 * Math.PI)) * Math.sin((2 * Math.PI * x) / 300)) + 1e-6,
	);
}

function bursting(row, t) {
	const at = START + 900;
	return row.burst
		? total(row, Math.min(Math.max(t, at - BURST[1]), at - BURST[0])) -
				total(row, at - BURST[1])
		: 0;
}

export const totalErrors = (row, t) =>
	Math.floor(total(row, t) * row.errors + bursting(row, t) * 0.3);

// A server's 404 is no error of the server's.
const failing = (row, t) => (row.mild ? 0 : totalErrors(row, t));

// The part p of a normal distribution, inverted (Acklam, without the tails' refinement).
function normal(p) {
	const q = Math.min(p, 1 - p);
	const t = Math.sqrt(-2 * Math.log(q));
	const z =
		t -
		(2.515517 + 0.802853 * t + 0.010328 * t * t) /
			(1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t ** 3);
	return p < 0.5 ? -z : z;
}

const median = (row, t) =>
	row.median *
	(1 + 0.25 * Math.sin(t / 47)) *
	(row.burst && t >= START + 900 - BURST[1] && t < START + 900 - BURST[0] ? 4 : 1);
const duration = (row, t, p) => median(row, t) * Math.exp(row.sigma * normal(p));
const bucket = (seconds) => Math.min(255, Math.max(0, Math.ceil(8 * Math.log2(seconds / 1e-6))));

// Map(bucket, count) of some rows in [from, to).
export function spread(rows, from, to) {
	const counts = new Map();

	for (const row of rows) {
		const n = total(row, to) - total(row, from);
		const samples = Math.min(n, 64);
		for (let i = 0, done = 0; i < samples; i++) {
			const upto = Math.floor((n * (i + 1)) / samples);
			const b = bucket(duration(row, from, (i + 0.5) / samples));
			counts.set(b, (counts.get(b) ?? 0) + upto - done);
			done = upto;
		}
	}
	return counts;
}

function quantile(counts, q) {
	const sorted = [...counts].sort(([a], [b]) => a - b);
	const all = sorted.reduce((sum, [, n]) => sum + n, 0);
	let seen = 0;

	for (const [b, n] of sorted) if ((seen += n) >= q * all) return BOUNDS[b] * 2 ** (-1 / 16);
	return null;
}

export function stats(rows, from, to) {
	const count = rows.reduce((sum, r) => sum + total(r, to) - total(r, from), 0);
	const errors = rows.reduce((sum, r) => sum + failing(r, to) - failing(r, from), 0);
	const counts = spread(rows, from, to);
	const mean = [...counts].reduce((sum, [b, n]) => sum + BOUNDS[b] * n, 0) / count;

	return {
		count,
		rate: count / (to - from),
		errors,
		error_ratio: count ? errors / count : null,
		mean: count ? mean : null,
		p50: quantile(counts, 0.5),
		p95: quantile(counts, 0.95),
		p99: quantile(counts, 0.99),
	};
}

export const totals = (rows, t) => ({
	total_count: rows.reduce((sum, r) => sum + total(r, t), 0),
	total_errors: rows.reduce((sum, r) => sum + failing(r, t), 0),
});

// {status: count} of rows in [from, to).
export function statuses(rows, from, to) {
	const found = {};
	const add = (status, n) => n && (found[status] = (found[status] ?? 0) + n);

	for (const row of rows) {
		const bad = totalErrors(row, to) - totalErrors(row, from);
		add(row.code, bad);
		add(row.protocol === "http" ? "200" : "OK", total(row, to) - total(row, from) - bad);
	}
	return found;
}

export function statusClass(status) {
	if (/^[1-5]\d\d$/.test(status)) return status[0] + "xx";
	return status === "OK" ? "ok" : status === "none" ? "none" : "error";
}
