// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// All services: a row each, and all of them together above.

import { h, update } from "./dom.js";
import { get } from "./api.js";
import { elsewhere, timeRange, windowOf } from "./state.js";
import {
	captured,
	errorRatio,
	filterBox,
	more,
	showValue,
	sorting,
	table,
	tile,
	tiles,
} from "./parts.js";
import { noTraffic, nothingMatches } from "./states.js";
import { sparkline } from "./chart_line.js";
import * as format from "./format.js";

const POINTS = 60;
const COLUMNS = [
	{ name: "Service", sort: "name" },
	{ name: "Rate", sort: "rate", kind: "num", hint: "requests per second" },
	{ name: "Errors", sort: "errors", kind: "num", hint: "share of the requests" },
	{ name: "p50", sort: "p50", kind: "num", hint: "half of the requests were as fast" },
	{ name: "p95", sort: "p95", kind: "num" },
	{ name: "p99", sort: "p99", kind: "num" },
	{ name: "In flight", kind: "num", hint: "requests that are being served now" },
	{ name: "Traffic" },
];

export const services = {
	title: () => "Services",
	timed: true,
	history: true,
	window: 60,
	every: (params) => ({ 60: 1, 300: 3 })[windowOf(params)] ?? 10,
	create: (app) => new Services(app),
};

export const keyOf = (s) => JSON.stringify([s.name, s.namespace]);

class Services {
	constructor(app) {
		this.app = app;
		this.filter = filterBox(app, "Filter services");
		this.top = h("div");
		this.list = h("div");
		this.inFlight = new Map();
		this.el = h(
			"div",
			{},
			h("div", { class: "head" }, h("h1", {}, "Services"), this.filter),
			this.top,
			this.list,
		);
	}

	async load(signal) {
		const { params } = this.app;
		const range = timeRange(params);
		const query = {
			...range,
			...sorting(params),
			q: params.get("q"),
			limit: params.get("limit") ?? 100,
			points: POINTS,
		};
		const [list, [kind, all, series]] = await Promise.all([
			get("services", query, signal),
			totals(range, signal),
		]);

		this.app.now = list.to;
		this.inFlight.clear();
		showValue(this.filter, params.get("q"));
		update(
			this.top,
			list.total || params.has("q") ? summary(kind, all, series, list.total) : null,
		);
		update(this.list, list.services.length ? this.table(list) : this.none());
		if (this.shown !== list.total) this.app.announce(`${list.total} services`);
		this.shown = list.total;
	}

	none() {
		const q = this.app.params.get("q");
		return q
			? nothingMatches(this.app, `No service has “${format.visible(q, 60)}” in its name`, {
					q: null,
				})
			: noTraffic(this.app.status);
	}

	table(list) {
		return [
			table(
				this.app,
				"Services",
				COLUMNS,
				list.services.map((s) => this.row(s)),
			),
			more(this.app, list.services.length, list.total),
		];
	}

	row(service) {
		const { name, namespace, server, client, spark } = service;
		const stats = server ?? client;
		const address = elsewhere(this.app, "service", { service: name, namespace });

		return h(
			"tr",
			{ "data-key": keyOf(service) },
			h(
				"th",
				{ scope: "row", title: format.visible(name, 1000) },
				h("a", { href: address }, captured(name)),
				namespace ? h("small", {}, captured(namespace, 80)) : null,
			),
			withSpark(
				sparkline(spark?.rate ?? [], "rate", "rate over time"),
				format.rate(stats.rate),
			),
			withSpark(
				sparkline(spark?.errors ?? [], "c5xx", "errors over time", 0.05),
				errorRatio(stats.error_ratio),
			),
			["p50", "p95", "p99"].map((q) => h("td", { class: "num" }, format.duration(stats[q]))),
			h(
				"td",
				{ class: "num", "data-flight": keyOf(service) },
				server
					? format.count(this.inFlight.get(keyOf(service)) ?? service.in_flight)
					: format.NOTHING,
			),
			h(
				"td",
				{ class: "traffic" },
				server && h("span", { class: "badge" }, "serves"),
				client && h("span", { class: "badge" }, "asks"),
			),
		);
	}

	// What is under way changes faster than the rest.
	tick(data) {
		for (const s of data?.services ?? []) this.inFlight.set(keyOf(s), s.in_flight);
		for (const cell of this.list.querySelectorAll("[data-flight]"))
			if (this.inFlight.has(cell.dataset.flight) && cell.textContent !== format.NOTHING)
				cell.textContent = format.count(this.inFlight.get(cell.dataset.flight));
	}
}

const withSpark = (spark, value) =>
	h("td", { class: "num" }, h("span", { class: "beside" }, spark, h("span", {}, value)));

// Of what was served, or, when nothing was, of what was asked: [kind, of the window, over time].
async function totals(range, signal) {
	for (const kind of ["server", "client"]) {
		const [all, series] = await Promise.all(
			[1, POINTS].map((points) => get("series", { ...range, kind, points }, signal)),
		);
		if (kind === "client" || series.count.some((n) => n > 0)) return [kind, whole(all), series];
	}
}

// Stats of a series that was asked for as one point.
export function whole(series) {
	return Object.fromEntries(
		["count", "rate", "error_ratio", "p50", "p95", "p99"].map((f) => [
			f,
			series[f].length === 1 ? series[f][0] : null,
		]),
	);
}

function summary(kind, all, series, total) {
	return tiles(
		"All services together",
		tile(
			kind === "server" ? "Served" : "Asked",
			format.rate(all.rate),
			sparkline(series.rate, "rate", "rate over time"),
		),
		tile(
			"Errors",
			errorRatio(all.error_ratio),
			sparkline(series.error_ratio, "c5xx", "errors over time", 0.05),
		),
		["p50", "p95", "p99"].map((q) =>
			tile(q, format.duration(all[q]), sparkline(series[q], q, `${q} over time`)),
		),
		tile("Services", format.count(total)),
	);
}
