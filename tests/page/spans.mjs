// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The mock's traces: the same few shapes again and again, at known times.

import { HOSTILE_TEXTS, START } from "./model.mjs";

const hex = (n, length) =>
	((n * 2654435761) >>> 0).toString(16).padStart(8, "0").repeat(4).slice(0, length);

export function span(trace, n, parent, from, fields) {
	const { duration } = fields;
	return {
		trace_id: trace,
		span_id: hex(n + 1, 8) + trace.slice(0, 8),
		parent_id: parent,
		link: parent ? "connection" : null,
		service: "web",
		namespace: "",
		kind: "server",
		protocol: "http",
		method: "GET",
		path: "/",
		route: "/",
		status: "200",
		error: null,
		start: from,
		request_end: duration * 0.06,
		first_byte: duration * 0.85,
		request_bytes: 0,
		response_bytes: 218,
		peer: "10.0.0.2:41000",
		server: "shop.example:443",
		scheme: "http",
		version: "1.1",
		pid: 2692,
		request_id: null,
		query: null,
		headers: {},
		rpc: null,
		partial: false,
		...fields,
	};
}

function shop(i, start) {
	const id = hex(i + 1, 32);
	const slow = i % 17 === 0 ? 8 : 1;
	const d = 0.0183 * slow * (1 + (i % 7) / 10);
	const failed = i % 13 === 5;
	const bad = failed ? { status: "500", error: "500" } : {};
	const a = span(id, 0, null, start, {
		duration: d,
		path: `/products/${i}`,
		route: "/products/{id}",
		request_id: `req-${i}`,
		...bad,
	});
	const b = span(id, 1, a.span_id, start + d * 0.1, {
		kind: "client",
		duration: d * 0.7,
		path: `/products/${i}`,
		route: null,
		peer: "10.0.0.12:8080",
		...bad,
	});
	const c = span(id, 2, b.span_id, start + d * 0.13, {
		service: "shop",
		namespace: "eu",
		duration: d * 0.62,
		path: `/products/${i}`,
		route: "/products/{id}",
		headers: { "user-agent": "curl/8.5.0" },
		...bad,
	});
	const e = span(id, 3, c.span_id, start + d * 0.2, {
		service: "shop",
		namespace: "eu",
		kind: "client",
		method: null,
		path: "/stock.v1.Stock/Get",
		route: null,
		protocol: "grpc",
		duration: d * 0.2,
		peer: "stock.example:9000",
		status: failed ? "DEADLINE_EXCEEDED" : "OK",
		error: failed ? "DEADLINE_EXCEEDED" : null,
		rpc: {
			system: "grpc",
			method: "stock.v1.Stock/Get",
			status: failed ? "DEADLINE_EXCEEDED" : "OK",
			message: null,
			request_messages: 1,
			response_messages: 1,
			timeout: 0.25,
		},
	});
	const f = span(id, 4, c.span_id, start + d * 0.45, {
		service: "shop",
		namespace: "eu",
		kind: "client",
		duration: d * 0.1,
		path: "/get",
		route: null,
		peer: "[fd00::6]:6379",
	});
	return {
		trace_id: id,
		complete: i % 10 !== 9,
		spans: i % 10 === 9 ? [a, c, e, f] : [a, b, c, e, f],
	};
}

function order(i, start) {
	const id = hex(i + 1, 32);
	return {
		trace_id: id,
		complete: true,
		spans: [
			span(id, 0, null, start, {
				service: "orders",
				method: "POST",
				duration: 0.031,
				path: "/orders",
				route: "/orders",
				status: i % 8 === 3 ? null : "201",
				error: i % 8 === 3 ? "client_closed" : null,
				request_end: null,
				first_byte: i % 8 === 3 ? null : 0.029,
			}),
		],
	};
}

function hostile(i, start) {
	const text = HOSTILE_TEXTS[i % HOSTILE_TEXTS.length];
	const id = hex(i + 1, 32);
	const all = {
		service: text,
		namespace: text,
		method: text.slice(0, 60),
		path: "/" + text,
		route: "/" + text,
		status: text.slice(0, 30),
		error: text.slice(0, 60),
		duration: 0.01,
		peer: text,
		server: text,
		scheme: text,
		version: text,
		request_id: text,
		query: text,
		headers: { [text]: text, __proto__: text },
		link: text,
	};
	const a = span(id, 0, null, start, all);
	return {
		trace_id: id,
		complete: false,
		spans: [
			a,
			span(id, 1, a.span_id, start + 0.001, {
				...all,
				duration: 0.005,
				rpc: {
					system: text,
					method: text,
					status: text,
					message: text,
					request_messages: 1,
					response_messages: 1,
					timeout: null,
				},
			}),
			span(id, 2, "ffffffffffffffff", start + 0.002, { ...all, duration: 0.004 }),
		],
	};
}

// Newest first.
export function traces(mode) {
	if (mode === "empty" || mode === "off") return [];
	const make = mode === "hostile" ? hostile : null;
	return Array.from({ length: mode === "hostile" ? 28 : 237 }, (_, i) => {
		const start = START + 899 - i * 1.37;
		return make ? make(i, start) : i % 4 === 3 ? order(i, start) : shop(i, start);
	});
}

function summary({ trace_id, spans }) {
	const root = spans.find((x) => !x.parent_id) ?? spans[0];
	const start = Math.min(...spans.map((x) => x.start));
	const { service, namespace, kind, protocol, method, route, path, status, error } = root;
	return {
		trace_id,
		start,
		duration: Math.max(...spans.map((x) => x.start + x.duration)) - start,
		spans: spans.length,
		errors: spans.filter((x) => x.error).length,
		services: [...new Set(spans.map((x) => x.service))],
		root: { service, namespace, kind, protocol, method, route, path, status, error },
	};
}

export function search(all, p) {
	const exact = ["service", "namespace", "kind", "protocol", "method", "route", "peer"].filter(
		(n) => p.has(n),
	);
	const status = (x, s) =>
		s === "error"
			? x.error
			: s === "none"
				? x.status === null
				: /^[1-5]xx$/.test(s)
					? x.status?.startsWith(s[0])
					: x.status === s;
	const text = (x, q) => x.trace_id.startsWith(q) || x.request_id === q || x.path?.includes(q);
	const fits = (x) =>
		exact.every((n) => (x[n] ?? "") === p.get(n)) &&
		(!p.has("status") || status(x, p.get("status"))) &&
		(!p.has("q") || text(x, p.get("q"))) &&
		x.duration >= Number(p.get("min_duration") ?? 0) &&
		(!p.has("start") || x.start >= Number(p.get("start"))) &&
		(!p.has("end") || x.start < Number(p.get("end")));
	const found = all.filter((t) => t.spans.some(fits)).map(summary);
	const by = p.get("sort") ?? "start";
	found.sort((a, b) => (p.get("order") === "asc" ? a[by] - b[by] : b[by] - a[by]));
	const offset = Number(p.get("offset") ?? 0);
	const limit = Number(p.get("limit") ?? 50);
	return {
		total: found.length,
		next: offset + limit < found.length ? "/api/v1/traces?offset=" + (offset + limit) : null,
		traces: found.slice(offset, offset + limit),
	};
}
