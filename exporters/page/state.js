// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The state of the page is its address: #/view?parameters. Nothing else is remembered, so that a
// link shows another reader the same, and "back" goes back. An empty parameter is not an absent one
// (see docs/api.md).

export const WINDOWS = [
	[60, "1 m"],
	[300, "5 m"],
	[900, "15 m"],
	[3600, "1 h"],
	[21600, "6 h"],
];
const SHARED = ["window", "end"]; // what a link to another view takes along

// {view, params}
export function parse(hash) {
	const [, view = "", query = ""] = /^#\/(\w*)\??(.*)$/s.exec(hash) ?? [];
	return { view: view || "services", params: new URLSearchParams(query) };
}

// An address; values: an object, of which null and undefined are left out.
export function link(view, values = {}) {
	const query = new URLSearchParams(Object.entries(values).filter(([, v]) => v != null));
	return `#/${view}${query.size ? "?" + query : ""}`;
}

// The same view with some parameters changed; null takes one away.
export function changed({ view, params }, changes) {
	return link(view, { ...Object.fromEntries(params), ...changes });
}

// A link to another view that looks at the same time.
export function elsewhere({ params }, view, values = {}) {
	const shared = SHARED.filter((name) => params.has(name)).map((name) => [
		name,
		params.get(name),
	]);
	return link(view, { ...Object.fromEntries(shared), ...values });
}

const number = (text) => (text && Number.isFinite(Number(text)) ? Number(text) : null);

export function windowOf(params, otherwise = 60) {
	return Math.min(Math.max(Math.round(number(params.get("window")) ?? otherwise), 1), 21600);
}

export const isPaused = (params) => number(params.get("end")) !== null;

// A number as the API reads it: without an exponent.
export const plain = (x) => x.toFixed(9).replace(/\.?0+$/, "");

// What the API is to be asked for: the last `window` seconds, or those before `end`, when it stands
// still.
export function timeRange(params, otherwise = 60) {
	const window = windowOf(params, otherwise);
	const end = number(params.get("end"));

	return end === null ? { window } : { start: end - window, end };
}

// Those of `names` that are there.
export function pick(params, names) {
	return Object.fromEntries(names.filter((n) => params.has(n)).map((n) => [n, params.get(n)]));
}

export const ROUTE_FIELDS = ["kind", "protocol", "method", "route", "peer"];

// The parameters that select just this row of /routes.
export function routeSelector(row) {
	const fields = row.kind === "client" ? ROUTE_FIELDS : ROUTE_FIELDS.filter((n) => n !== "peer");
	return Object.fromEntries(fields.map((n) => [n, row[n] ?? ""]));
}
