// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Search for traces, and what was found.

import { h, update } from "./dom.js";
import { get } from "./api.js";
import { elsewhere, pick, plain } from "./state.js";
import { button, captured, chips, empty, statusBadge, table } from "./parts.js";
import { noTraffic } from "./states.js";
import * as format from "./format.js";

const PAGE = 50;
const FIELDS = ["service", "route", "status", "q"]; // text as it is
const SELECTING = ["namespace", "kind", "protocol", "method", "peer"]; // came with a link
const SORTS = [
	["start desc", "newest first"],
	["start asc", "oldest first"],
	["duration desc", "longest first"],
	["duration asc", "shortest first"],
];
const COLUMNS = [
	{ name: "Request" },
	{ name: "Duration", kind: "wide" },
	{ name: "Status" },
	{ name: "Begin" },
	{ name: "Spans", kind: "num" },
	{ name: "Errors", kind: "num" },
	{ name: "Services" },
];

export const traces = {
	title: () => "Traces",
	history: true,
	every: () => 0,
	create: (app) => new Traces(app),
};

class Traces {
	constructor(app) {
		this.app = app;
		this.inputs = inputs();
		this.names = h("datalist", { id: "service-names" });
		this.routes = h("datalist", { id: "route-names" });
		this.chips = h("div");
		this.list = h("div");
		this.el = h(
			"div",
			{},
			h("div", { class: "head" }, h("h1", {}, "Traces")),
			this.form(),
			this.chips,
			this.list,
		);
		this.suggest();
	}

	form() {
		const { q, service, route, status, min, errors, sort } = this.inputs;
		const label = (text, input, kind) =>
			h("label", { class: kind }, h("span", {}, text), input);

		return h(
			"form",
			{
				class: "search",
				role: "search",
				"aria-label": "Traces",
				novalidate: true,
				onsubmit: (e) => this.submit(e),
				onchange: (e) => (e.target === errors || e.target === sort ? this.submit(e) : null),
			},
			label("Id, request id or path", q, "grow"),
			label("Service", service),
			label("Route", route),
			label("Status", status),
			label("At least", min),
			label("Errors only", errors, "check"),
			label("Sort", sort),
			h("button", { class: "primary" }, "Search"),
			this.names,
			this.routes,
		);
	}

	submit(e) {
		const { inputs: input } = this;
		const min = format.parseDuration(input.min.value);
		const [sort, order] = input.sort.value.split(" ");
		const bad = input.min.value.trim() !== "" && min === null;

		e.preventDefault();
		input.min.setCustomValidity(bad ? "A time such as 250ms or 1.5s" : "");
		if (!input.min.reportValidity()) return;
		const texts = Object.fromEntries(
			FIELDS.map((name) => [name, input[name].value.trim() || null]),
		);
		this.app.go({
			...texts,
			status: input.errors.checked ? "error" : texts.status,
			min: min === null ? null : plain(min),
			sort: sort === "start" ? null : sort,
			order: order === "desc" ? null : order,
			offset: null,
		});
	}

	// What the address says, in the form.
	fill() {
		const { params } = this.app;
		const errors = params.get("status") === "error";

		FIELDS.forEach((name) => (this.inputs[name].value = params.get(name) ?? ""));
		this.inputs.status.value = errors ? "" : (params.get("status") ?? "");
		this.inputs.status.disabled = errors;
		this.inputs.errors.checked = errors;
		this.inputs.min.value = params.has("min") ? plain(Number(params.get("min"))) + "s" : "";
		this.inputs.sort.value = `${params.get("sort") ?? "start"} ${params.get("order") ?? "desc"}`;
		const part = [...SELECTING, "route"]
			.filter((n) => params.has(n) && (n !== "route" || params.get(n) === ""))
			.map((n) => [`${n}: ${params.get(n) || "none"}`, { [n]: null, offset: null }]);
		if (params.has("from") || params.has("to"))
			part.push([
				`${format.moment(num(params, "from"))} to ${format.time(num(params, "to"))}`,
				{ from: null, to: null, offset: null },
			]);
		update(this.chips, part.length ? chips(this.app, part) : null);
	}

	async load(signal) {
		const { params } = this.app;
		const query = {
			...pick(params, [...FIELDS, ...SELECTING, "sort", "order", "offset"]),
			limit: PAGE,
			min_duration: params.get("min"),
			start: params.get("from"),
			end: params.get("to"),
		};

		this.fill();
		const found = await get("traces", query, signal);
		update(this.list, found.traces.length ? this.table(found) : this.none());
		this.app.announce(`${found.total} traces`);
	}

	// For the boxes. That there are none is no reason to say anything.
	async suggest() {
		const { params } = this.app;
		const options = (names) => [...new Set(names)].map((value) => h("option", { value }));

		try {
			const service = params.get("service") ?? undefined;
			const [names, routes] = await Promise.all([
				get("services", { limit: 200, sort: "name" }),
				get("routes", { limit: 200, service }),
			]);
			update(this.names, options(names.services.map((x) => x.name)));
			update(this.routes, options(routes.routes.map((x) => x.route).filter(Boolean)));
		} catch {
			// the list's own request says why
		}
	}

	none() {
		const { params } = this.app;
		const filtered = [...FIELDS, ...SELECTING, "min", "from", "to"].filter((n) =>
			params.has(n),
		);

		if (!filtered.length)
			return this.app.status.traces === false
				? empty("No traces are kept")
				: noTraffic(this.app.status);
		return empty(
			"No trace matches",
			h(
				"p",
				{},
				"The store has the last spans only, those with errors and slow ones longer.",
			),
			h(
				"p",
				{},
				button("Take all filters off", () =>
					this.app.go(Object.fromEntries([...filtered, "offset"].map((n) => [n, null]))),
				),
			),
		);
	}

	table({ traces: list, total }) {
		const longest = Math.max(...list.map((t) => t.duration));
		const offset = num(this.app.params, "offset") ?? 0;
		const page = (text, to) => button(text, () => this.app.go({ offset: to || null }));

		return [
			table(
				this.app,
				"Traces",
				COLUMNS,
				list.map((t) => this.row(t, longest)),
			),
			h(
				"p",
				{ class: "more" },
				`${format.count(offset + 1)} to ${format.count(offset + list.length)} of ${format.count(total)}. `,
				offset > 0 && page("Previous", Math.max(0, offset - PAGE)),
				offset + list.length < total && page("Next", offset + PAGE),
				button("Look again", () => this.app.load()),
			),
		];
	}

	row(trace, longest) {
		const { root } = trace;

		return h(
			"tr",
			{ "data-key": trace.trace_id },
			h(
				"th",
				{ scope: "row" },
				h(
					"a",
					{ href: elsewhere(this.app, "trace", { id: trace.trace_id }) },
					h("small", {}, captured(root.service, 60)),
					" ",
					h("bdi", {}, format.spanName(root)),
				),
			),
			h(
				"td",
				{ class: "wide" },
				h(
					"span",
					{ class: "meter" },
					h("i", {
						class: trace.errors ? "c5xx" : "",
						style: { width: `${Math.max(1, (trace.duration / longest) * 100)}%` },
					}),
				),
				h("span", { class: "num" }, format.duration(trace.duration)),
			),
			h("td", {}, statusBadge(root.status, root.error)),
			h(
				"td",
				{ class: "moment", title: format.moment(trace.start) },
				format.timeMillis(trace.start),
			),
			h("td", { class: "num" }, format.count(trace.spans)),
			h(
				"td",
				{ class: "num" },
				trace.errors ? h("span", { class: "sev bad" }, format.count(trace.errors)) : "0",
			),
			h(
				"td",
				{ class: "services" },
				trace.services.map((n, i) => [i ? ", " : "", captured(n, 40)]),
			),
		);
	}
}

const num = (params, name) => (params.has(name) ? Number(params.get(name)) : null);

function inputs() {
	const text = (more) =>
		h("input", {
			type: "text",
			spellcheck: "false",
			autocomplete: "off",
			maxlength: 500,
			...more,
		});

	return {
		q: h("input", {
			type: "search",
			class: "filter",
			spellcheck: "false",
			maxlength: 500,
			placeholder: "4bf92f… or /products ( / )",
		}),
		service: text({ list: "service-names" }),
		route: text({ list: "route-names" }),
		status: text({ placeholder: "404, 5xx" }),
		min: text({ placeholder: "250ms" }),
		errors: h("input", { type: "checkbox" }),
		sort: h(
			"select",
			{},
			SORTS.map(([value, name]) => h("option", { value }, name)),
		),
	};
}
