// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// One service, or one route of it: what it serves or what it asks of others, over time and by
// route.

import { h, update } from "./dom.js";
import { get } from "./api.js";
import {
	ROUTE_FIELDS,
	changed,
	elsewhere,
	link,
	pick,
	plain,
	routeSelector,
	timeRange,
	windowOf,
} from "./state.js";
import {
	captured,
	chips,
	empty,
	errorRatio,
	filterBox,
	more,
	showValue,
	sorting,
	statusBadge,
	table,
	tile,
	tiles,
} from "./parts.js";
import { nothingMatches } from "./states.js";
import { lineChart } from "./chart_line.js";
import { heatChart } from "./chart_heat.js";
import { whole } from "./view_services.js";
import * as format from "./format.js";

const POINTS = 120;
const CLASSES = ["1xx", "2xx", "3xx", "ok", "4xx", "none", "error", "5xx"];
const NO_ERROR = /^(OK|none)$/; // of the statuses that are words; without one it is not known
const COLUMNS = [
	{ name: "Route", sort: "name" },
	{ name: "Rate", sort: "rate", kind: "num", hint: "requests per second" },
	{ name: "Errors", sort: "errors", kind: "num", hint: "share of the requests" },
	{ name: "p50", sort: "p50", kind: "num" },
	{ name: "p95", sort: "p95", kind: "num" },
	{ name: "p99", sort: "p99", kind: "num" },
	{ name: "Total", kind: "num", hint: "since the series began, as in /metrics" },
	{ name: "Statuses", hint: "in this time" },
	{ name: "" },
];

export const service = {
	title: (params) => format.visible(params.get("service") ?? "Service", 80),
	timed: true,
	history: true,
	window: 60,
	every: (params) => ({ 60: 2, 300: 3 })[windowOf(params)] ?? 10,
	create: (app) => new Service(app),
};

class Service {
	constructor(app) {
		this.app = app;
		this.filter = filterBox(app, "Filter routes");
		this.parts = { head: h("div"), tiles: h("div"), list: h("div") };
		this.charts = this.makeCharts();
		this.body = h(
			"div",
			{},
			this.parts.tiles,
			h(
				"div",
				{ class: "charts" },
				Object.values(this.charts).map((c) => c.el),
			),
			h("div", { class: "head" }, h("h2", {}, "Routes"), this.filter),
			this.parts.list,
		);
		this.nobody = h("div");
		this.el = h("div", {}, this.parts.head, this.nobody, this.body);
	}

	makeCharts() {
		const at = (data, i) => ({
			from: plain(data.t[i] - (data.p99?.[i] ?? 0)),
			to: data.t[i] + data.step,
		});
		const toTraces = (values) => this.app.open(this.traces(values));

		return {
			rate: lineChart({
				title: "Requests",
				hint: "by status, req/s",
				unit: format.rate,
				mark: format.digits,
				stacked: true,
				pick: (d, i) => toTraces(at(d, i)),
			}),
			errors: lineChart({
				title: "Errors",
				hint: "share of the requests",
				unit: format.ratio,
				max: 0.01,
				pick: (d, i) => toTraces({ ...at(d, i), status: "error" }),
			}),
			latency: lineChart({
				title: "Duration",
				hint: "p50, p95, p99",
				unit: format.duration,
				max: 0.001,
				pick: (d, i) => toTraces({ ...at(d, i), sort: "duration" }),
			}),
			heat: heatChart({
				title: "Spread of durations",
				hint: "requests per cell",
				pick: (d, i, row) =>
					toTraces({
						from: plain(d.t[i] - row.to),
						to: d.t[i] + d.step,
						min: row.from ? plain(row.from) : null,
						sort: "duration",
						order: "asc",
					}),
			}),
		};
	}

	selection() {
		const { params } = this.app;
		return {
			service: params.get("service") ?? "",
			namespace: params.get("namespace") ?? "",
			kind: this.kind,
			...pick(params, ROUTE_FIELDS),
		};
	}

	// The address of the traces of what is shown.
	traces(values) {
		return elsewhere(this.app, "traces", { ...this.selection(), ...values });
	}

	async load(signal) {
		const { params } = this.app;
		const range = timeRange(params);
		const own = await this.find(range, signal);

		this.kind = params.get("kind") ?? (own?.server || !own?.client ? "server" : "client");
		const { service: name, namespace, kind } = this.selection();
		const list = {
			...range,
			service: name,
			namespace,
			kind,
			...sorting(params),
			q: params.get("q"),
			limit: params.get("limit") ?? 100,
		};
		const [series, one, routes] = await Promise.all([
			get("series", { ...range, ...this.selection(), points: POINTS, heat: 1 }, signal),
			get("series", { ...range, ...this.selection(), points: 1 }, signal),
			get("routes", list, signal),
		]);
		this.app.now = routes.to;
		this.show(own, series, whole(one), routes);
	}

	// Its row of /services, or undefined.
	async find(range, signal) {
		const { service: name, namespace } = this.selection();
		const found = await get("services", { ...range, q: name, limit: 1000 }, signal);

		return found.services.find((s) => s.name === name && s.namespace === namespace);
	}

	show(own, series, one, routes) {
		this.body.hidden = !own;
		update(this.parts.head, this.head(own));
		update(
			this.nobody,
			own
				? null
				: empty(
						"No such service",
						h(
							"p",
							{},
							"It was not seen, or its processes have ended. ",
							h("a", { href: link("services") }, "All services"),
						),
					),
		);
		if (!own) return;
		showValue(this.filter, this.app.params.get("q"));
		update(this.parts.tiles, this.summary(own, one));
		this.draw(series);
		update(this.parts.list, routes.routes.length ? this.table(routes) : this.none());
	}

	head(own) {
		const { params } = this.app;
		const drilled = pick(params, ROUTE_FIELDS.slice(1));
		const all = Object.fromEntries(ROUTE_FIELDS.slice(1).map((name) => [name, null]));

		return [
			h(
				"p",
				{ class: "crumbs" },
				h("a", { href: elsewhere(this.app, "services") }, "Services"),
			),
			h(
				"div",
				{ class: "head" },
				h(
					"h1",
					{},
					captured(params.get("service") ?? ""),
					params.get("namespace")
						? h("small", {}, captured(params.get("namespace")))
						: null,
				),
				own && this.tabs(own, all),
				h("a", { class: "action", href: this.traces({}) }, "Its traces"),
			),
			Object.keys(drilled).length
				? chips(this.app, [
						[
							format.operation({
								protocol: "http",
								kind: this.kind,
								...empties(drilled),
							}),
							all,
						],
					])
				: null,
		];
	}

	tabs(own, all) {
		const tab = (kind, text) =>
			h(
				"a",
				{
					href: changed(this.app, { ...all, kind, q: null, limit: null }),
					"aria-current": this.kind === kind ? "true" : null,
				},
				text,
			);

		return h(
			"nav",
			{ class: "segments", "aria-label": "Side" },
			own.server && tab("server", "Serves"),
			own.client && tab("client", "Asks"),
		);
	}

	summary(own, one) {
		return tiles(
			"In this time",
			tile("Rate", format.rate(one.rate)),
			tile("Errors", errorRatio(one.error_ratio)),
			["p50", "p95", "p99"].map((q) => tile(q, format.duration(one[q]))),
			tile("Requests", format.count(one.count)),
			this.kind === "server"
				? tile("In flight", format.count(own.in_flight), "whole service")
				: null,
		);
	}

	draw(data) {
		const { t, step, p99 } = data;
		const per = (values) => values.map((n) => n / step);
		const base = { t, step, p99 };

		this.charts.rate.set({
			...base,
			series: CLASSES.filter((c) => data.classes[c]).map((c) => ({
				name: c,
				kind: "c" + c,
				values: per(data.classes[c]),
			})),
		});
		this.charts.errors.set({
			...base,
			series: [{ name: "errors", kind: "c5xx", values: data.error_ratio }],
		});
		this.charts.latency.set({
			...base,
			series: ["p50", "p95", "p99"].map((q) => ({ name: q, kind: q, values: data[q] })),
		});
		this.charts.heat.set({
			t,
			step,
			bounds: data.heat?.bounds ?? [],
			cells: data.heat?.cells ?? [],
		});
	}

	none() {
		const q = this.app.params.get("q");
		return q
			? nothingMatches(this.app, `No route has “${format.visible(q, 60)}” in its name`, {
					q: null,
				})
			: empty(this.kind === "server" ? "It served nothing" : "It asked nothing of others");
	}

	table({ routes, total }) {
		return [
			table(
				this.app,
				"Routes",
				COLUMNS,
				routes.map((r) => this.row(r)),
			),
			more(this.app, routes.length, total),
		];
	}

	row(route) {
		const selector = routeSelector(route);
		const name = format.operation(route);

		return h(
			"tr",
			{
				"data-key": JSON.stringify(selector),
				class: this.isShown(selector) ? "shown" : null,
			},
			h(
				"th",
				{ scope: "row", title: name },
				h("a", { href: changed(this.app, selector) }, h("bdi", {}, name)),
				route.protocol === "http"
					? null
					: h("small", {}, format.visible(route.protocol, 20)),
			),
			h("td", { class: "num" }, format.rate(route.rate)),
			h("td", { class: "num" }, errorRatio(route.error_ratio)),
			["p50", "p95", "p99"].map((q) => h("td", { class: "num" }, format.duration(route[q]))),
			h("td", { class: "num" }, format.count(route.total_count)),
			h(
				"td",
				{},
				Object.entries(route.statuses).map(([status, n]) =>
					h(
						"span",
						{ class: "pair" },
						statusBadge(status, NO_ERROR.test(status) ? null : status),
						format.count(n),
					),
				),
			),
			h(
				"td",
				{},
				h(
					"a",
					{ href: this.traces(selector), "aria-label": `traces of ${name}` },
					"traces",
				),
			),
		);
	}

	isShown(selector) {
		const { params } = this.app;
		return (
			params.has("protocol") &&
			Object.entries(selector).every(([n, v]) => params.get(n) === v)
		);
	}
}

const empties = (values) =>
	Object.fromEntries(Object.entries(values).map(([n, v]) => [n, v === "" ? null : v]));
