#!/usr/bin/env node
// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// A stand-in for the agent: the page's files with the headers that the agent sends, and an API as docs/api.md has it
// over the made-up host of model.mjs. Its clock moves only by tick(), or, run by hand, each second:
//
//     tests/page/mock.mjs [--port N] [--mode normal|many|hostile|empty|off] [--token T]

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { BOUNDS, HOSTILE, MANY, NORMAL, START, spread, stats, statusClass, statuses, total, totals } from "./model.mjs";
import { search, traces } from "./spans.mjs";

const PAGE = join(dirname(fileURLToPath(import.meta.url)), "../../exporters/page");
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml" };
const ROWS = { normal: NORMAL, many: MANY, hostile: HOSTILE, empty: [], off: NORMAL };
const HEADERS = {
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
	"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
};
const SELECTING = ["service", "namespace", "kind", "protocol", "method", "route", "peer"];

class Refusal extends Error {
	constructor(status, message) {
		super(message);
		this.status = status;
	}
}

export class Mock {
	constructor({ mode = "normal", token = null, port = 0 } = {}) {
		Object.assign(this, { mode, token, port, now: START + 900, streams: new Set(), asked: [], events: true });
		this.traces = traces(mode);
	}

	get rows() { return ROWS[this.mode]; }
	get url() { return `http://127.0.0.1:${this.port}/`; }

	async start() {
		this.server = createServer((q, a) => this.answer(q, a));
		await new Promise((done) => this.server.listen(this.port, "127.0.0.1", done));
		this.port = this.server.address().port;
		return this;
	}

	// As if the agent were killed.
	async stop() {
		this.streams.clear();
		this.server.closeAllConnections();
		await new Promise((done) => this.server.close(done));
	}

	change(mode) {
		this.mode = mode;
		this.traces = traces(mode);
	}

	tick() {
		this.now++;
		const list = services(this, new URLSearchParams("limit=100&window=1")).services;
		const data = { t: this.now, services: list.map(({ name, namespace, server, client, in_flight }) => ({ name, namespace, rate: (server ?? client).rate, error_ratio: (server ?? client).error_ratio, p95: (server ?? client).p95, in_flight })) };
		for (const a of this.streams)
			a.write(`event: tick\ndata: ${JSON.stringify(data)}\n\n`);
	}

	answer(q, a) {
		const { pathname, searchParams } = new URL(q.url, this.url);

		try {
			if (pathname === "/metrics")
				return send(q, a, "text/plain; version=0.0.4", exposition(this));
			if (pathname.startsWith("/api/"))
				return this.api(q, a, pathname, searchParams);
			const name = pathname === "/" ? "index.html" : pathname.slice(1);
			if (name.includes("/") || !TYPES[extname(name)])
				throw new Refusal(404, "there is no such path");
			return send(q, a, TYPES[extname(name)], readFileSync(join(PAGE, name)));
		} catch (e) {
			const status = e.status ?? (e.code === "ENOENT" ? 404 : 500);
			a.writeHead(status, { ...HEADERS, "Content-Type": "application/json" }).end(JSON.stringify({ error: e.message }));
		}
	}

	api(q, a, path, p) {
		this.asked.push(q.url);
		if (!["same-origin", "none", undefined].includes(q.headers["sec-fetch-site"]))
			throw new Refusal(403, "the request was made for another origin");
		if (this.token && q.headers.authorization !== `Bearer ${this.token}`)
			throw new Refusal(401, "the token is missing or wrong");
		const name = path.slice("/api/v1/".length);
		if (this.mode === "off" && name !== "status")
			throw new Refusal(404, "the history is off (--history-limit 0)");
		if (name === "events")
			return this.stream(a);
		const one = /^traces\/(\w+)$/.exec(name);
		const make = one ? () => this.trace(one[1]) : { status, services, routes, series, graph, traces: () => search(this.traces, p) }[name];
		if (!make)
			throw new Refusal(404, "there is no such path");
		send(q, a, "application/json", JSON.stringify(make(this, p)));
	}

	trace(id) {
		const found = this.traces.find((t) => t.trace_id === id);

		if (!found)
			throw new Refusal(404, "there is no such trace");
		return found;
	}

	stream(a) {
		if (!this.events)
			throw new Refusal(503, "too many listen already");
		a.writeHead(200, { ...HEADERS, "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
		a.write(": hello\n\n");
		this.streams.add(a);
		a.on("close", () => this.streams.delete(a));
	}
}

function send(q, a, type, body) {
	const etag = `"${createHash("sha256").update(body).digest("hex").slice(0, 16)}"`;
	const headers = { ...HEADERS, "Content-Type": type, ETag: etag, "Cache-Control": "no-cache" };

	if (q.headers["if-none-match"] === etag)
		return a.writeHead(304, headers).end();
	return a.writeHead(200, headers).end(body);
}

// ---- the answers ----

function rangeOf(mock, p, window = 60) {
	const end = p.has("end") ? Math.min(mock.now, Math.floor(Number(p.get("end")))) : mock.now;
	const from = p.has("start") ? Math.floor(Number(p.get("start"))) : end - Number(p.get("window") ?? window);
	return { from, to: end, step: end - from > 900 ? 10 : 1 };
}

const selected = (rows, p) => rows.filter((r) => SELECTING.every((n) => !p.has(n) || (r[n] ?? "") === p.get(n)));

function groups(rows, key) {
	const found = new Map();
	for (const r of rows)
		found.set(key(r), [...(found.get(key(r)) ?? []), r]);
	return [...found.values()];
}

const fields = { rate: "rate", errors: "error_ratio", p50: "p50", p95: "p95", p99: "p99" };

function page(list, p, statsOf, nameOf) {
	const sort = p.get("sort") ?? "rate";
	const sign = (p.get("order") ?? (sort === "name" ? "asc" : "desc")) === "asc" ? 1 : -1;
	const value = (x) => (sort === "name" ? nameOf(x) : statsOf(x)[fields[sort]] ?? -1);
	const q = (p.get("q") ?? "").toLowerCase();
	const found = list.filter((x) => nameOf(x).toLowerCase().includes(q));
	found.sort((a, b) => (value(a) < value(b) ? -sign : value(a) > value(b) ? sign : nameOf(a) < nameOf(b) ? -1 : 1));
	const [limit, offset] = [Number(p.get("limit") ?? 100), Number(p.get("offset") ?? 0)];
	return { total: found.length, next: offset + limit < found.length ? `?offset=${offset + limit}` : null, found: found.slice(offset, offset + limit) };
}

function services(mock, p) {
	const { from, to, step } = rangeOf(mock, p);
	const points = Math.min(Number(p.get("points") ?? 0), 120);
	const side = (rows, kind) => {
		const mine = rows.filter((r) => r.kind === kind);
		return mine.length ? { ...stats(mine, from, to), ...totals(mine, mock.now) } : null;
	};
	const list = groups(mock.rows, (r) => r.service + "\n" + r.namespace).map((rows) => ({ rows, name: rows[0].service, namespace: rows[0].namespace, server: side(rows, "server"), client: side(rows, "client") }));
	const { total: all, next, found } = page(list, p, (x) => x.server ?? x.client, (x) => x.name);
	return { from, to, step, total: all, next, services: found.map(({ rows, ...x }) => ({ ...x, last: to - 1, in_flight: x.server ? Math.round(x.server.rate / 7 + (mock.now % 3)) : 0, spark: spark(rows.filter((r) => r.kind === (x.server ? "server" : "client")), from, to, points) })) };
}

function spark(rows, from, to, points) {
	const parts = Array.from({ length: points }, (_, i) => [from + ((to - from) * i) / points, from + ((to - from) * (i + 1)) / points]);
	const one = ([a, b]) => ({ count: rows.reduce((n, r) => n + total(r, b) - total(r, a), 0), seconds: b - a });
	const bad = ([a, b]) => rows.reduce((n, r) => n + totals([r], b).total_errors - totals([r], a).total_errors, 0);
	return { rate: parts.map((x) => one(x).count / one(x).seconds), errors: parts.map((x) => (one(x).count ? bad(x) / one(x).count : 0)) };
}

function routes(mock, p) {
	const { from, to, step } = rangeOf(mock, p);
	const list = groups(selected(mock.rows, p), (r) => JSON.stringify([r.service, r.namespace, r.kind, r.protocol, r.method, r.route, r.peer])).map((rows) => {
		const { service, namespace, kind, protocol, method, route, peer } = rows[0];
		return { service, namespace, kind, protocol, method, route, peer, ...stats(rows, from, to), ...totals(rows, mock.now), statuses: statuses(rows, from, to) };
	});
	const { total: all, next, found } = page(list, p, (x) => x, (x) => `${x.method ?? ""} ${x.route ?? ""} ${x.peer ?? ""}`);
	return { from, to, step, total: all, next, routes: found };
}

function series(mock, p) {
	const range = rangeOf(mock, p);
	const { from, to } = range;
	const points = Math.min(Number(p.get("points") ?? 300), 1000);
	const step = Math.max(range.step, Math.ceil((to - from) / points));
	const t = Array.from({ length: Math.ceil((to - from) / step) }, (_, i) => from + i * step);
	const rows = selected(mock.rows, p);
	const all = t.map((x) => stats(rows, x, x + step));
	const column = (name) => all.map((x) => x[name]);
	const found = t.map((x) => statuses(rows, x, x + step));
	const names = [...new Set(found.flatMap((x) => Object.keys(x).map(statusClass)))];
	const classes = Object.fromEntries(names.map((c) => [c, found.map((x) => Object.entries(x).filter(([s]) => statusClass(s) === c).reduce((n, [, v]) => n + v, 0))]));
	const answer = { from, to, step, t, count: column("count"), rate: column("rate"), errors: column("errors"), error_ratio: column("error_ratio"), mean: column("mean"), p50: column("p50"), p95: column("p95"), p99: column("p99"), classes };
	if (p.get("heat") === "1")
		answer.heat = { bounds: BOUNDS, cells: t.map((x) => [...spread(rows, x, x + step)].sort(([a], [b]) => a - b)) };
	return answer;
}

function graph(mock, p) {
	const { from, to } = rangeOf(mock, p, 300);
	const empty = { count: null, rate: null, errors: null, error_ratio: null, mean: null, p50: null, p95: null, p99: null };
	const nodes = new Map();
	const edges = [];
	const idOf = new Map(mock.rows.map((r) => [r.service, r.namespace ? `${r.namespace}/${r.service}` : r.service]));

	for (const rows of groups(mock.rows, (r) => idOf.get(r.service)))
		nodes.set(idOf.get(rows[0].service), { id: idOf.get(rows[0].service), name: rows[0].service, namespace: rows[0].namespace, kind: "service", ...stats(rows.filter((r) => r.kind === "server"), from, to) });
	for (const rows of groups(mock.rows.filter((r) => r.kind === "client"), (r) => JSON.stringify([r.service, r.to ?? r.peer]))) {
		const end = rows[0].to ? idOf.get(rows[0].to) : `peer:${rows[0].peer}`;
		if (!nodes.has(end))
			nodes.set(end, { id: end, name: rows[0].peer, namespace: "", kind: "external", ...empty });
		edges.push({ from: idOf.get(rows[0].service), to: end, seen: "client", ...stats(rows, from, to) });
	}
	outside(mock, nodes, edges, [from, to], idOf);
	return { from, to, nodes: [...nodes.values()], edges };
}

// What was served beyond what was seen to be asked.
function outside(mock, nodes, edges, [from, to], idOf) {
	for (const rows of groups(mock.rows.filter((r) => r.kind === "server"), (r) => idOf.get(r.service))) {
		const id = idOf.get(rows[0].service);
		const { count, errors } = stats(rows, from, to);
		const known = edges.filter((e) => e.to === id).reduce((n, e) => n + e.count, 0);
		if (count - known < count * 0.05 || !count)
			continue;
		nodes.set("clients", { id: "clients", name: "other clients", kind: "clients" });
		edges.push({ from: "clients", to: id, seen: "server", count: count - known, rate: (count - known) / (to - from), errors, error_ratio: errors / count, mean: null, p50: null, p95: null, p99: null });
	}
}

function status(mock) {
	const counter = (name, unit, value, attrs = {}, help = "Help of it.") => ({ name, unit, kind: "counter", help, attrs, value });
	const text = mock.mode === "hostile" ? HOSTILE[0].service : null;
	return {
		version: "0.1.0", hostname: text ?? "n1", pid: 4711, now: mock.now + 0.123, started: START, backend: "sock", ready: true, watching: text ?? (mock.mode === "empty" ? "--port 8080" : "--port 8080 --exe */nginx"), processes: mock.mode === "empty" ? 1 : 7,
		memory: { rss_bytes: 18874368, limit_bytes: 67108864 }, traces: true,
		history: mock.mode === "off" ? null : { limit_bytes: 33554432, bytes: 12582912, series: mock.rows.length, steps: [{ step: 1, from: mock.now - 900, to: mock.now }, { step: 10, from: mock.now - 900, to: mock.now }], spans: mock.traces.length * 4, spans_from: START + 500, spans_left_out: 512 },
		metrics: [
			counter("redeye.events.observed", "{event}", 184221, { hook: "recv" }, "Events of selected processes that a hook saw."),
			counter("redeye.events.dropped", "{event}", 40212, { hook: "recv", reason: "not_wanted" }, "Events that were not written."),
			counter("redeye.events.dropped", "{event}", mock.mode === "empty" ? 0 : 17, { hook: "recv", reason: "ring_full" }, "Events that were not written."),
			counter("redeye.requests.dropped", "{request}", 0, { protocol: "http", reason: "bytes_lost" }, "Requests without a span."),
			counter("redeye.uprobe.failed", "{file}", mock.mode === "empty" ? 0 : 2, { reason: text ?? "jsse" }, text ?? "Libraries that could not be probed."),
			counter("redeye.tls.connections.unseen", "{connection}", mock.mode === "empty" ? 0 : 31, {}, "TLS connections for which no library was found."),
			counter("redeye.cpu.time", "s", 1.234, { cpu_mode: "user" }, "Processor time that redeye itself used."),
			counter("redeye.ring.size", "By", 8388608, {}, "Size of the ring."),
			counter("redeye.requests.observed", "{request}", 99871, { protocol: "http" }, "Requests that were seen."),
		],
	};
}

// What /metrics would say of the same.
function exposition(mock) {
	const escape = (x) => String(x).replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
	const names = { "http server": "http_server_request", "http client": "http_client_request", "rpc server": "rpc_server_call", "rpc client": "rpc_client_call" };
	return mock.rows.map((r) => {
		const http = r.protocol === "http";
		const [, host, port] = /^(.*):(\d+)$/.exec(r.peer ?? "") ?? [];
		const labels = { service_name: r.service, service_namespace: r.namespace, ...(http ? { http_request_method: r.method, http_route: r.route } : { rpc_method: r.route, rpc_system_name: r.protocol }), server_address: host?.replace(/^\[(.*)\]$/, "$1"), server_port: port };
		const text = Object.entries(labels).filter(([, v]) => v != null && v !== "").map(([k, v]) => `${k}="${escape(v)}"`).join(",");
		return `${names[`${http ? "http" : "rpc"} ${r.kind}`]}_duration_seconds_count{${text}} ${total(r, mock.now)}\n`;
	}).join("");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const option = (name, otherwise) => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : otherwise);
	const mock = await new Mock({ mode: option("--mode", "normal"), token: option("--token", null), port: Number(option("--port", 0)) }).start();
	setInterval(() => mock.tick(), 1000);
	console.log(mock.url);
}
