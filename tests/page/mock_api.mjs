// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The mock's answers: docs/api.md over the made-up host.

import {
	BOUNDS,
	HOSTILE,
	START,
	spread,
	stats,
	statusClass,
	statuses,
	total,
	totals,
} from "./model.mjs";
import { search } from "./spans.mjs";

const SELECTING = ["service", "namespace", "kind", "protocol", "method", "route", "peer"];

export class Refusal extends Error {
	constructor(status, message) {
		super(message);
		this.status = status;
	}
}

// As strict as the agent: what a page asks wrongly is to be found here.
const RANGE = ["window", "start", "end"];
const LIST = ["limit", "offset", "sort", "order", "q"];
const PARAMS = {
	status: [],
	services: [...RANGE, ...LIST, "points"],
	routes: [...RANGE, ...LIST, ...SELECTING, "status"],
	series: [...RANGE, ...SELECTING, "status", "points", "heat"],
	graph: RANGE,
	traces: [...RANGE, ...LIST, ...SELECTING, "status", "min_duration"],
	events: ["ticks", "spans"],
};

export function checkParams(name, p) {
	for (const key of p.keys()) {
		if (!PARAMS[name]?.includes(key) || p.getAll(key).length > 1)
			throw new Refusal(400, `unknown parameter '${key}'`);
		if (
			["window", "start", "end", "limit", "offset", "points", "min_duration"].includes(key) &&
			!/^\d+(\.\d*)?$/.test(p.get(key))
		)
			throw new Refusal(400, `bad value '${p.get(key)}' for ${key}`);
	}
	if (
		p.has("sort") &&
		!["rate", "errors", "p50", "p95", "p99", "name", "start", "duration"].includes(
			p.get("sort"),
		)
	)
		throw new Refusal(400, `bad value '${p.get("sort")}' for sort`);
	if ((p.has("window") && (p.has("start") || p.has("end"))) || p.get("status") === "")
		throw new Refusal(400, "either window, or start and end; status is not empty");
}

// ---- the answers ----

function rangeOf(mock, p, window = 60) {
	const end = p.has("end") ? Math.min(mock.now, Math.floor(Number(p.get("end")))) : mock.now;
	const from = p.has("start")
		? Math.floor(Number(p.get("start")))
		: end - Number(p.get("window") ?? window);
	return { from, to: end, step: end - from > 900 ? 10 : 1 };
}

const selected = (rows, p) =>
	rows.filter((r) => SELECTING.every((n) => !p.has(n) || (r[n] ?? "") === p.get(n)));

function groups(rows, key) {
	const found = new Map();
	for (const r of rows) found.set(key(r), [...(found.get(key(r)) ?? []), r]);
	return [...found.values()];
}

const fields = { rate: "rate", errors: "error_ratio", p50: "p50", p95: "p95", p99: "p99" };

function page(list, p, statsOf, nameOf) {
	const sort = p.get("sort") ?? "rate";
	const sign = (p.get("order") ?? (sort === "name" ? "asc" : "desc")) === "asc" ? 1 : -1;
	const value = (x) => (sort === "name" ? nameOf(x) : (statsOf(x)[fields[sort]] ?? -1));
	const q = (p.get("q") ?? "").toLowerCase();
	const found = list.filter((x) => nameOf(x).toLowerCase().includes(q));
	found.sort((a, b) =>
		value(a) < value(b) ? -sign : value(a) > value(b) ? sign : nameOf(a) < nameOf(b) ? -1 : 1,
	);
	const [limit, offset] = [Number(p.get("limit") ?? 100), Number(p.get("offset") ?? 0)];
	return {
		total: found.length,
		next: offset + limit < found.length ? `?offset=${offset + limit}` : null,
		found: found.slice(offset, offset + limit),
	};
}

function services(mock, p) {
	const { from, to, step } = rangeOf(mock, p);
	const points = Math.min(Number(p.get("points") ?? 0), 120);
	const side = (rows, kind) => {
		const mine = rows.filter((r) => r.kind === kind);
		return mine.length ? { ...stats(mine, from, to), ...totals(mine, mock.now) } : null;
	};
	const list = groups(mock.rows, (r) => r.service + "\n" + r.namespace).map((rows) => ({
		rows,
		name: rows[0].service,
		namespace: rows[0].namespace,
		server: side(rows, "server"),
		client: side(rows, "client"),
	}));
	const {
		total: all,
		next,
		found,
	} = page(
		list,
		p,
		(x) => x.server ?? x.client,
		(x) => x.name,
	);
	return {
		from,
		to,
		step,
		total: all,
		next,
		services: found.map(({ rows, ...x }) => ({
			...x,
			last: to - 1,
			in_flight: x.server ? Math.round(x.server.rate / 7 + (mock.now % 3)) : 0,
			spark: spark(
				rows.filter((r) => r.kind === (x.server ? "server" : "client")),
				from,
				to,
				points,
			),
		})),
	};
}

function spark(rows, from, to, points) {
	const parts = Array.from({ length: points }, (_, i) => [
		from + ((to - from) * i) / points,
		from + ((to - from) * (i + 1)) / points,
	]);
	const one = ([a, b]) => ({
		count: rows.reduce((n, r) => n + total(r, b) - total(r, a), 0),
		seconds: b - a,
	});
	const bad = ([a, b]) =>
		rows.reduce((n, r) => n + totals([r], b).total_errors - totals([r], a).total_errors, 0);
	return {
		rate: parts.map((x) => one(x).count / one(x).seconds),
		errors: parts.map((x) => (one(x).count ? bad(x) / one(x).count : 0)),
	};
}

function routes(mock, p) {
	const { from, to, step } = rangeOf(mock, p);
	const list = groups(selected(mock.rows, p), (r) =>
		JSON.stringify([r.service, r.namespace, r.kind, r.protocol, r.method, r.route, r.peer]),
	).map((rows) => {
		const { service, namespace, kind, protocol, method, route, peer } = rows[0];
		return {
			service,
			namespace,
			kind,
			protocol,
			method,
			route,
			peer,
			...stats(rows, from, to),
			...totals(rows, mock.now),
			statuses: statuses(rows, from, to),
		};
	});
	const {
		total: all,
		next,
		found,
	} = page(
		list,
		p,
		(x) => x,
		(x) => `${x.method ?? ""} ${x.route ?? ""} ${x.peer ?? ""}`,
	);
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
	const classes = Object.fromEntries(
		names.map((c) => [
			c,
			found.map((x) =>
				Object.entries(x)
					.filter(([s]) => statusClass(s) === c)
					.reduce((n, [, v]) => n + v, 0),
			),
		]),
	);
	const answer = {
		from,
		to,
		step,
		t,
		count: column("count"),
		rate: column("rate"),
		errors: column("errors"),
		error_ratio: column("error_ratio"),
		mean: column("mean"),
		p50: column("p50"),
		p95: column("p95"),
		p99: column("p99"),
		classes,
	};
	if (p.get("heat") === "1")
		answer.heat = heat(t.map((x) => [...spread(rows, x, x + step)].sort(([a], [b]) => a - b)));
	return answer;
}

// Of the buckets, those from the first to the last that counted anything.
function heat(cells) {
	const used = cells.flat().map(([b]) => b);
	const first = Math.min(...used, 256);
	return {
		bounds: BOUNDS.slice(first, Math.max(...used, -1) + 1),
		cells: cells.map((column) => column.map(([b, n]) => [b - first, n])),
	};
}

function graph(mock, p) {
	const { from, to } = rangeOf(mock, p, 300);
	const empty = {
		count: null,
		rate: null,
		errors: null,
		error_ratio: null,
		mean: null,
		p50: null,
		p95: null,
		p99: null,
	};
	const nodes = new Map();
	const edges = [];
	const idOf = new Map(
		mock.rows.map((r) => [r.service, r.namespace ? `${r.namespace}/${r.service}` : r.service]),
	);

	for (const rows of groups(mock.rows, (r) => idOf.get(r.service)))
		nodes.set(idOf.get(rows[0].service), {
			id: idOf.get(rows[0].service),
			name: rows[0].service,
			namespace: rows[0].namespace,
			kind: "service",
			...stats(
				rows.filter((r) => r.kind === "server"),
				from,
				to,
			),
		});
	for (const rows of groups(
		mock.rows.filter((r) => r.kind === "client"),
		(r) => JSON.stringify([r.service, r.to ?? r.peer]),
	)) {
		const end = rows[0].to ? idOf.get(rows[0].to) : `peer:${rows[0].peer}`;
		if (!nodes.has(end))
			nodes.set(end, {
				id: end,
				name: rows[0].peer,
				namespace: "",
				kind: "external",
				...empty,
			});
		edges.push({
			from: idOf.get(rows[0].service),
			to: end,
			seen: "client",
			...stats(rows, from, to),
		});
	}
	outside(mock, nodes, edges, [from, to], idOf);
	return { from, to, nodes: [...nodes.values()], edges };
}

// What was served beyond what was seen to be asked.
function outside(mock, nodes, edges, [from, to], idOf) {
	for (const rows of groups(
		mock.rows.filter((r) => r.kind === "server"),
		(r) => idOf.get(r.service),
	)) {
		const id = idOf.get(rows[0].service);
		const { count, errors } = stats(rows, from, to);
		const known = edges.filter((e) => e.to === id).reduce((n, e) => n + e.count, 0);
		if (count - known < count * 0.05 || !count) continue;
		nodes.set("clients", { id: "clients", name: "other clients", kind: "clients" });
		edges.push({
			from: "clients",
			to: id,
			seen: "server",
			count: count - known,
			rate: (count - known) / (to - from),
			errors,
			error_ratio: errors / count,
			mean: null,
			p50: null,
			p95: null,
			p99: null,
		});
	}
}

function status(mock) {
	const counter = (name, unit, value, attrs = {}, help = "Help of it.") => ({
		name,
		unit,
		kind: "counter",
		help,
		attrs,
		value,
	});
	const text = mock.mode === "hostile" ? HOSTILE[0].service : null;
	return {
		version: "0.1.0",
		hostname: text ?? "n1",
		pid: 4711,
		now: mock.now + 0.123,
		started: START,
		backend: "sock",
		ready: true,
		watching: text ?? (mock.mode === "empty" ? "--port 8080" : "--port 8080 --exe */nginx"),
		processes: mock.mode === "empty" ? 1 : 7,
		memory: { rss_bytes: 18874368, limit_bytes: 67108864 },
		traces: true,
		history:
			mock.mode === "off"
				? null
				: {
						limit_bytes: 33554432,
						bytes: 12582912,
						series: mock.rows.length,
						steps: [
							{ step: 1, from: mock.now - 900, to: mock.now },
							{ step: 10, from: mock.now - 900, to: mock.now },
						],
						spans: mock.traces.length * 4,
						spans_from: START + 500,
						spans_left_out: 512,
					},
		metrics: [
			counter(
				"redeye.events.observed",
				"{event}",
				184221,
				{ hook: "recv" },
				"Events of selected processes that a hook saw.",
			),
			counter(
				"redeye.events.dropped",
				"{event}",
				40212,
				{ hook: "recv", reason: "not_wanted" },
				"Events that were not written.",
			),
			counter(
				"redeye.events.dropped",
				"{event}",
				mock.mode === "empty" ? 0 : 17,
				{ hook: "recv", reason: "ring_full" },
				"Events that were not written.",
			),
			counter(
				"redeye.requests.dropped",
				"{request}",
				0,
				{ protocol: "http", reason: "bytes_lost" },
				"Requests without a span.",
			),
			counter(
				"redeye.uprobe.failed",
				"{file}",
				mock.mode === "empty" ? 0 : 2,
				{ reason: text ?? "jsse" },
				text ?? "Libraries that could not be probed.",
			),
			counter(
				"redeye.tls.connections.unseen",
				"{connection}",
				mock.mode === "empty" ? 0 : 31,
				{},
				"TLS connections for which no library was found.",
			),
			counter(
				"redeye.cpu.time",
				"s",
				1.234,
				{ cpu_mode: "user" },
				"Processor time that redeye itself used.",
			),
			counter("redeye.ring.size", "By", 8388608, {}, "Size of the ring."),
			counter(
				"redeye.requests.observed",
				"{request}",
				99871,
				{ protocol: "http" },
				"Requests that were seen.",
			),
		],
	};
}

// What /metrics would say of the same.
export function exposition(mock) {
	const escape = (x) =>
		String(x).replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
	const names = {
		"http server": "http_server_request",
		"http client": "http_client_request",
		"rpc server": "rpc_server_call",
		"rpc client": "rpc_client_call",
	};
	return mock.rows
		.map((r) => {
			const http = r.protocol === "http";
			const [, host, port] = /^(.*):(\d+)$/.exec(r.peer ?? "") ?? [];
			const labels = {
				service_name: r.service,
				service_namespace: r.namespace,
				...(http
					? { http_request_method: r.method, http_route: r.route }
					: { rpc_method: r.route, rpc_system_name: r.protocol }),
				server_address: host?.replace(/^\[(.*)\]$/, "$1"),
				server_port: port,
			};
			const text = Object.entries(labels)
				.filter(([, v]) => v != null && v !== "")
				.map(([k, v]) => `${k}="${escape(v)}"`)
				.join(",");
			return `${names[`${http ? "http" : "rpc"} ${r.kind}`]}_duration_seconds_count{${text}} ${total(r, mock.now)}\n`;
		})
		.join("");
}

// By path; each takes the mock and the parameters.
export const answers = {
	status,
	services,
	routes,
	series,
	graph,
	traces: (mock, p) => search(mock.traces, p),
};
