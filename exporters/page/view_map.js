// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Who asks whom: drawn, and the same as a table.

import { h, s, update } from "./dom.js";
import { get } from "./api.js";
import { elsewhere, timeRange, windowOf } from "./state.js";
import { captured, errorRatio, filterBox, severity, showValue, table } from "./parts.js";
import { noTraffic, nothingMatches } from "./states.js";
import { NODE, layout } from "./map_layout.js";
import * as format from "./format.js";

const WINDOW = 300;
const DRAWN_MAX = 40; // nodes
const PAD = 24;
const OUTSIDE = { external: "not watched", clients: "from elsewhere" };
const COLUMNS = [
	{ name: "From" },
	{ name: "To" },
	{ name: "Rate", kind: "num" },
	{ name: "Errors", kind: "num" },
	{ name: "p50", kind: "num" },
	{ name: "p95", kind: "num" },
	{ name: "Seen by" },
];

export const map = {
	title: () => "Map",
	timed: true,
	history: true,
	window: WINDOW,
	every: (params) => (windowOf(params, WINDOW) <= 300 ? 5 : 10),
	create: (app) => new ServiceMap(app),
};

class ServiceMap {
	constructor(app) {
		this.app = app;
		this.filter = filterBox(app, "Filter the map");
		this.note = h("div");
		this.drawing = h("div", {
			class: "scroll map",
			role: "region",
			"aria-label": "Map of the services",
			tabindex: 0,
		});
		this.list = h("div");
		this.listed = h(
			"details",
			{ class: "as-table" },
			h("summary", {}, "The same as a table"),
			this.list,
		);
		this.none = h("div");
		this.el = h(
			"div",
			{},
			h("div", { class: "head" }, h("h1", {}, "Map"), this.filter),
			this.note,
			this.none,
			this.drawing,
			legend(),
			this.listed,
		);
	}

	async load(signal) {
		const { params } = this.app;
		const all = await get("graph", timeRange(params, WINDOW), signal);
		const graph = choose(all, params.get("q"));

		this.app.now = all.to;
		showValue(this.filter, params.get("q"));
		this.empty(all, graph);
		update(
			this.note,
			graph.left
				? h(
						"p",
						{ class: "dim note" },
						`The ${DRAWN_MAX} busiest of ${format.count(graph.found)} are drawn; the filter finds the others.`,
					)
				: null,
		);
		update(this.drawing, graph.nodes.length ? this.draw(graph) : null);
		update(
			this.list,
			table(
				this.app,
				"Who asks whom",
				COLUMNS,
				graph.edges.map((e) => this.row(e, graph)),
			),
		);
	}

	empty(all, graph) {
		const nothing = graph.nodes.length === 0;

		for (const part of [this.drawing, this.listed, this.el.querySelector(".map-legend")])
			part.hidden = nothing;
		update(
			this.none,
			!nothing
				? null
				: all.nodes.length === 0
					? noTraffic(this.app.status)
					: nothingMatches(
							this.app,
							`Nothing on the map has “${format.visible(this.app.params.get("q"), 60)}” in its name`,
							{ q: null },
						),
		);
	}

	draw({ nodes, edges }) {
		const { width, height, places, ways } = layout(nodes, edges);
		const curves = label(
			edges.map((e, i) => (e.from === e.to ? loop(ways[i]) : curve(ways[i]))),
		);
		const most = Math.max(...edges.map((e) => e.rate ?? 0), 0);

		return s(
			"svg",
			{
				width: width + 2 * PAD,
				height: height + 2 * PAD,
				viewBox: `${-PAD} ${-PAD} ${width + 2 * PAD} ${height + 2 * PAD}`,
				role: "group",
				"aria-label": "Services and who asks whom",
			},
			edges.map((e, i) => drawEdge(e, curves[i], most)),
			edges.map((e, i) => drawLabel(e, curves[i].label)),
			nodes.map((n) => this.node(n, places.get(n.id))),
		);
	}

	node(node, { x, y }) {
		const seen = node.kind === "service";
		const left = x - NODE.width / 2;
		const text = (kind, dx, dy, words) =>
			s("text", { class: kind, x: left + dx, y: y - NODE.height / 2 + dy }, words);
		const title =
			`${format.visible(node.name, 300)}: ` +
			(seen
				? `${format.rate(node.rate)}, ${format.ratio(node.error_ratio)} errors, p95 ${format.duration(node.p95)}`
				: OUTSIDE[node.kind]);
		const box = [
			s("title", {}, title),
			s("rect", {
				x: left,
				y: y - NODE.height / 2,
				width: NODE.width,
				height: NODE.height,
				rx: seen ? 8 : 29,
			}),
		];

		if (!seen)
			return s(
				"g",
				{ class: "node outside", "data-key": node.id },
				box,
				text("name mid", NODE.width / 2, 27, format.visible(node.name, 14)),
				text("fact mid", NODE.width / 2, 43, OUTSIDE[node.kind]),
			);
		const sev = node.count ? severity(node.error_ratio) : "idle";
		const words = [
			format.visible(node.name, 16),
			format.rate(node.rate),
			format.ratio(node.error_ratio),
			`p95 ${format.duration(node.p95)}`,
		];
		return s(
			"a",
			{ class: `node service ${sev}`, "data-key": node.id, href: this.address(node) },
			box,
			s("path", { class: "flag", d: `M${left + 5} ${y - 21}v42` }),
			text("name", 14, 20, words[0]),
			text("fact", 14, 36, words[1]),
			text("fact end share", NODE.width - 10, 36, words[2]),
			text("fact", 14, 50, words[3]),
		);
	}

	address(node, more) {
		return elsewhere(this.app, "service", {
			service: node.name,
			namespace: node.namespace,
			...more,
		});
	}

	row(edge, { byId }) {
		const name = (node, more) =>
			node.kind === "service"
				? h("a", { href: this.address(node, more) }, captured(node.name))
				: captured(node.name);

		return h(
			"tr",
			{ "data-key": JSON.stringify([edge.from, edge.to]) },
			h("th", { scope: "row" }, name(byId.get(edge.from), { kind: "client" })),
			h("td", {}, name(byId.get(edge.to), { kind: "server" })),
			h("td", { class: "num" }, format.rate(edge.rate)),
			h("td", { class: "num" }, errorRatio(edge.error_ratio)),
			["p50", "p95"].map((q) => h("td", { class: "num" }, format.duration(edge[q]))),
			h("td", {}, edge.seen === "client" ? "who asked" : "who served"),
		);
	}
}

// Those whose name has q, and whom they are joined to; the busiest of them.
function choose({ nodes, edges }, q) {
	const byId = new Map(nodes.map((n) => [n.id, n]));
	const known = edges.filter((e) => byId.has(e.from) && byId.has(e.to));
	const wanted = (n) => !q || n.name.toLowerCase().includes(q.toLowerCase());
	const kept = new Set(nodes.filter(wanted).map((n) => n.id));
	const near = new Set(kept);

	for (const e of known)
		if (q && (kept.has(e.from) || kept.has(e.to))) near.add(e.from).add(e.to);
	const busy = new Map([...near].map((id) => [id, byId.get(id).rate ?? 0]));
	known.forEach((e) =>
		[e.from, e.to].forEach(
			(id) => busy.has(id) && busy.set(id, Math.max(busy.get(id), e.rate ?? 0)),
		),
	);
	const ids = [...near]
		.sort((a, b) => busy.get(b) - busy.get(a) || (a < b ? -1 : 1))
		.slice(0, DRAWN_MAX);
	const drawn = new Set(ids);
	return {
		byId,
		found: near.size,
		left: near.size - drawn.size,
		nodes: nodes.filter((n) => drawn.has(n.id)),
		edges: known.filter((e) => drawn.has(e.from) && drawn.has(e.to)),
	};
}

// ---- edges ----

const thickness = (rate, most) =>
	most ? 1.5 + 4.5 * (Math.log1p(rate ?? 0) / Math.log1p(most)) : 1.5;
const labelOf = (edge) =>
	severity(edge.error_ratio) === "bad"
		? `${format.ratio(edge.error_ratio)} errors`
		: format.rate(edge.rate);

function drawEdge(edge, { d, end: { x, y }, turn }, most) {
	const wide = thickness(edge.rate, most);
	const arrow = 4 + wide;

	return s(
		"g",
		{
			"aria-hidden": "true",
			class: "edge " + severity(edge.error_ratio),
			"data-key": `edge ${edge.from}\n${edge.to}`,
		},
		s(
			"title",
			{},
			`${format.rate(edge.rate)}, ${format.ratio(edge.error_ratio)} errors, p95 ${format.duration(edge.p95)}`,
		),
		s("path", { class: "way", d, "stroke-width": wide.toFixed(1) }),
		s("path", {
			class: "arrow",
			d: `M${x} ${y}l${-turn * arrow * 1.4} ${-arrow * 0.7}v${arrow * 1.4}z`,
		}),
	);
}

// Above its way, which stays to be seen.
function drawLabel(edge, { x, y }) {
	const text = labelOf(edge);
	const width = text.length * 6.4 + 6;

	return s(
		"g",
		{ class: "label " + severity(edge.error_ratio), "aria-hidden": "true" },
		s("rect", { x: x - width / 2, y: y - 19, width, height: 15, rx: 4 }),
		s("text", { class: "mid", x, y: y - 8 }, text),
	);
}

// Level where it leaves, passes a bend and arrives.
function curve(way) {
	const turn = way.at(-1).x >= way[0].x ? 1 : -1;
	const points = way.flatMap((p) =>
		p.bend ? [-1, 1].map((side) => ({ x: p.x + (side * turn * NODE.width) / 2, y: p.y })) : [p],
	);
	const end = points.at(-1);
	const path = [...points.slice(0, -1), { x: end.x - turn * 8, y: end.y }];
	const legs = path.slice(1).map((to, i) => ({ from: path[i], to }));
	const d = legs.map(
		({ from, to }) =>
			`C${(from.x + to.x) / 2} ${from.y} ${(from.x + to.x) / 2} ${to.y} ${to.x} ${to.y}`,
	);

	return { d: `M${points[0].x} ${points[0].y}${d.join("")}`, end, turn, legs };
}

// A service that asks itself.
function loop(way) {
	const { x, y } = way[0];
	const [from, to] = [
		{ x, y },
		{ x: x + 50, y: y - NODE.height / 2 - 12 },
	];

	return {
		d: `M${x} ${y}c50 -10 20 -56 -24 ${-NODE.height / 2 - 14}`,
		end: { x: x - 24, y: y - NODE.height / 2 },
		turn: 1,
		legs: [{ from, to }],
	};
}

// At a place along each way where no other label is, if there is one.
function label(curves) {
	const taken = [];

	for (const c of curves) {
		const places = c.legs.flatMap(({ from, to }) =>
			[0.5, 0.35, 0.65, 0.22, 0.78].map((t) => ({
				x: from.x + (to.x - from.x) * t,
				y: from.y + (to.y - from.y) * (3 * t * t - 2 * t ** 3),
			})),
		);
		const free = (p) =>
			taken.every((q) => Math.abs(p.x - q.x) > 66 || Math.abs(p.y - q.y) > 14);
		c.label = places.find(free) ?? places[0];
		taken.push(c.label);
	}
	return curves;
}

const legend = () =>
	h(
		"p",
		{ class: "map-legend dim" },
		"The wider, the more requests. ",
		h("span", { class: "sample good" }, "no errors"),
		h("span", { class: "sample some" }, "under 1 %"),
		h("span", { class: "sample bad" }, "1 % errors or more"),
	);
