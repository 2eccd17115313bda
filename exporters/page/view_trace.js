// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// One trace: a row for each span with its place in time, and all that is known of the one that is
// selected.

import { h, update } from "./dom.js";
import { ApiError, get } from "./api.js";
import { elsewhere } from "./state.js";
import { button, captured, copyButton, statusBadge, tile, tiles } from "./parts.js";
import { noSuchTrace } from "./states.js";
import { niceTicks } from "./chart.js";
import { extent, flatten, phases } from "./trace_tree.js";
import * as format from "./format.js";

const PHASES = ["request", "wait", "response"];

export const trace = {
	title: (params) => `Trace ${format.visible(params.get("id") ?? "", 8)}`,
	history: true,
	every: () => 0,
	create: (app) => new Trace(app),
};

class Trace {
	constructor(app) {
		this.app = app;
		this.top = h("div");
		this.tree = h("div", {
			class: "waterfall",
			role: "tree",
			"aria-label": "Spans",
			onkeydown: (e) => this.key(e),
		});
		this.panel = h("section", { class: "panel", "aria-label": "The selected span" });
		this.body = h("div", { class: "trace" }, this.tree, this.panel);
		this.el = h("div", {}, this.top, this.body);
	}

	async load(signal) {
		const id = this.app.params.get("id") ?? "";

		try {
			this.data = await get(`traces/${encodeURIComponent(id)}`, {}, signal);
		} catch (e) {
			if (!(e instanceof ApiError) || ![400, 404].includes(e.status)) throw e;
			this.data = null;
		}
		this.body.hidden = !this.data?.spans.length;
		if (this.body.hidden) {
			update(this.top, h("h1", {}, "Trace"), noSuchTrace(id));
			return;
		}
		this.rows = flatten(this.data.spans);
		this.extent = extent(this.data.spans);
		this.show();
	}

	get selected() {
		const id = this.app.params.get("span");
		return Math.max(
			0,
			this.rows.findIndex((r) => r.span.span_id === id),
		);
	}

	show() {
		update(this.top, this.head());
		update(
			this.tree,
			this.axis(),
			this.rows.map((r, i) => this.row(r, i)),
		);
		update(this.panel, details(this.app, this.rows[this.selected].span));
	}

	head() {
		const { spans, complete, trace_id: id } = this.data;
		const errors = spans.filter((x) => x.error).length;

		return [
			h("p", { class: "crumbs" }, h("a", { href: elsewhere(this.app, "traces") }, "Traces")),
			h(
				"div",
				{ class: "head" },
				h("h1", {}, h("bdi", {}, format.spanName(spans[0]))),
				copyButton(this.app, "Copy link", () => location.href),
				copyButton(this.app, "Copy id", () => id),
			),
			tiles(
				"The trace",
				tile("Duration", format.duration(this.extent.length)),
				tile(
					"Begin",
					format.timeMillis(this.extent.from),
					format.moment(this.extent.from).slice(0, 10),
				),
				tile("Spans", format.count(spans.length)),
				tile("Errors", format.count(errors), null, errors ? "bad" : ""),
				tile("Services", format.count(new Set(spans.map((x) => x.service)).size)),
				tile("Id", h("code", {}, format.visible(id, 40)), null, "long"),
			),
			complete
				? null
				: h(
						"p",
						{ class: "problem" },
						"Incomplete: a span that belongs to this trace is not here: not finished yet, left out, or from elsewhere. ",
						button("Look again", () => this.app.load()),
					),
			h(
				"p",
				{ class: "legend" },
				PHASES.map((name) => h("span", {}, h("i", { class: "key " + name }), name)),
				h("span", {}, "striped: asked of others"),
			),
		];
	}

	axis() {
		const { length } = this.extent;
		const ticks = niceTicks(length, 4).filter((t) => t < length * 0.93);

		return h(
			"div",
			{ class: "axis", "aria-hidden": "true" },
			h(
				"div",
				{ class: "bars" },
				ticks.map((t) =>
					h(
						"span",
						{ class: "num", style: { left: `${(t / length) * 100}%` } },
						format.tick(format.duration(t)),
					),
				),
			),
		);
	}

	row({ span, depth, lost }, i) {
		const chosen = i === this.selected;
		const name = format.spanName(span);

		return h(
			"div",
			{
				class: `span ${span.kind}` + (span.error ? " failed" : ""),
				role: "treeitem",
				"aria-level": depth + 1,
				"aria-selected": String(chosen),
				tabindex: chosen ? 0 : -1,
				"data-key": `${i} ${span.span_id}`,
				onclick: () => this.select(i),
			},
			h(
				"div",
				{
					class: "what",
					style: { "padding-left": `${Math.min(depth, 12) * 14 + 8}px` },
					title: name,
				},
				lost ? h("span", { class: "lost", title: "its parent is not here" }, "⋯ ") : null,
				h("b", {}, captured(span.service, 60)),
				h("small", { class: "kind" }, span.kind),
				h("bdi", {}, name),
				statusBadge(span.status, span.error),
			),
			h("div", { class: "bars" }, this.bar(span)),
		);
	}

	bar(span) {
		const { from, length } = this.extent;
		const left = ((span.start - from) / length) * 100;
		const width = Math.max((span.duration / length) * 100, 0.3);
		const beside =
			left + width < 86
				? { left: `${left + width}%` }
				: left > 14
					? { right: `${100 - left}%` }
					: null;

		return [
			h(
				"div",
				{ class: "bar", style: { left: `${left}%`, width: `${width}%` } },
				phases(span).map(([name, a, b]) =>
					h("i", {
						class: name,
						style: { "flex-grow": String(span.duration ? (b - a) / span.duration : 1) },
					}),
				),
			),
			h(
				"span",
				{
					class: beside ? "num length" : "num length inside",
					style: beside ?? { right: "0" },
				},
				format.duration(span.duration),
			),
		];
	}

	select(i) {
		this.app.go({ span: this.rows[i].span.span_id }, { replace: true, quiet: true });
		this.show();
		this.tree.querySelector('[tabindex="0"]').focus();
	}

	// Left goes to the parent, right to the first child.
	key(e) {
		const { rows, selected: at } = this;
		const depth = rows[at].depth;
		const parent = rows.slice(0, at).findLastIndex((r) => r.depth < depth);
		const child = rows[at + 1]?.depth > depth ? at + 1 : -1;
		const to = {
			ArrowUp: at - 1,
			ArrowDown: at + 1,
			Home: 0,
			End: rows.length - 1,
			ArrowLeft: parent,
			ArrowRight: child,
		}[e.key];

		if (to === undefined) return;
		e.preventDefault();
		if (to >= 0 && to < rows.length) this.select(to);
	}
}

// ---- the panel ----

const LINKS = {
	injected: "redeye wrote the context into the request",
	header: "a header of the request",
	connection: "both ends of the connection are watched",
	passed: "the same context or request id was being served",
	thread: "the thread was serving it",
	sole: "the process served nothing else",
};

function details(app, x) {
	const route = { service: x.service, namespace: x.namespace, kind: x.kind };

	return [
		h("h2", {}, h("bdi", {}, format.spanName(x))),
		h(
			"p",
			{},
			h("a", { href: elsewhere(app, "service", route) }, captured(x.service, 60)),
			" · ",
			h(
				"a",
				{ href: elsewhere(app, "traces", { ...route, route: x.route ?? "" }) },
				"more of this route",
			),
		),
		section("Time", [
			["Begin", format.timeMillis(x.start)],
			["Duration", format.duration(x.duration)],
			...phases(x).map(([name, a, b]) => [
				name,
				known(x, name) ? format.duration(b - a) : null,
			]),
		]),
		section(x.kind === "server" ? "Served" : "Asked", [
			["Status", statusBadge(x.status, x.error)],
			["Error", x.error],
			["Method", x.method],
			["Path", x.path],
			["Route", x.route],
			["Query", x.query],
			["Request body", format.bytes(x.request_bytes)],
			["Response body", format.bytes(x.response_bytes)],
			["Request id", x.request_id],
			["Partial", x.partial ? "some fields were sent before redeye was there" : null],
		]),
		section("Connection", [
			["Peer", x.peer],
			["Server", x.server],
			["Scheme", x.scheme],
			["Version", x.version],
			["Process", x.pid && String(x.pid)],
		]),
		x.rpc
			? section(
					"Call",
					Object.entries(x.rpc).map(([name, v]) => [
						name.replaceAll("_", " "),
						name === "timeout" && v != null ? format.duration(v) : v,
					]),
				)
			: null,
		x.attributes ? section("Operation", Object.entries(x.attributes)) : null,
		section("Headers", Object.entries(x.headers ?? {})),
		section("Identity", [
			["Span", x.span_id],
			["Parent", x.parent_id],
			["Parent known by", LINKS[x.link] ?? x.link],
		]),
	];
}

function known(span, phase) {
	return {
		request: span.request_end != null,
		wait: span.request_end != null && span.first_byte != null,
		response: span.first_byte != null,
	}[phase];
}

function section(title, facts) {
	const there = facts.filter(([, value]) => value != null && value !== "");
	const shown = (value) => (value instanceof Node ? value : captured(value, 2000));

	return there.length
		? [
				h("h3", {}, title),
				h(
					"dl",
					{ class: "facts" },
					there.map(([name, value]) => [
						h("dt", {}, captured(name, 60)),
						h("dd", {}, shown(value)),
					]),
				),
			]
		: null;
}
