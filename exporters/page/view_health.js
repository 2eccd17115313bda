// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The agent itself: first what it lost, then what it could not see, then all else it says of
// itself.

import { h, update } from "./dom.js";
import { get } from "./api.js";
import { captured, filterBox, showValue, table, tile, tiles } from "./parts.js";
import { nothingMatches } from "./states.js";
import * as format from "./format.js";

const LOSS = /dropped|lost|missed|left_out/;
// Counted under such a name, but by docs/metrics.md no loss.
const NO_LOSS = new Set(["not_wanted", "ciphertext", "not_stream", "peek", "not_chosen"]);
const NO_LOSS_NAMES = new Set(["redeye.uprobe.maps.lost"]);
const UNSEEN = new Set(
	[
		"uprobe.failed",
		"uprobe.waiting",
		"tls.connections.unseen",
		"events.without_payload",
		"processes.refused",
		"connections.evicted",
		"connections.unclassified",
		"series.overflowed",
		"memory.limit_reached",
	].map((name) => "redeye." + name),
);
const COLUMNS = [
	{ name: "Metric" },
	{ name: "Of" },
	{ name: "Value", kind: "num" },
	{ name: "Meaning" },
];

export const health = {
	title: () => "Health",
	history: false,
	every: () => 5,
	create: (app) => new Health(app),
};

class Health {
	constructor(app) {
		this.app = app;
		this.filter = filterBox(app, "Filter metrics");
		this.top = h("div");
		this.list = h("div");
		this.el = h(
			"div",
			{ class: "page" },
			h("h1", {}, "Health"),
			this.top,
			h(
				"div",
				{ class: "head" },
				h("h2", {}, "All that redeye counts of itself"),
				this.filter,
			),
			this.list,
		);
	}

	async load(signal) {
		const { params } = this.app;
		const status = await get("status", {}, signal);
		const q = (params.get("q") ?? "").toLowerCase();
		const all = status.metrics ?? []; // none, when redeye is too busy to say
		const found = all.filter((m) => text(m).includes(q));

		this.app.status = status;
		showValue(this.filter, params.get("q"));
		update(
			this.top,
			verdict(this.app, all, status),
			facts(status),
			unseen(this.app, all),
			depth(status.history),
		);
		update(
			this.list,
			!status.metrics
				? null
				: found.length
					? metrics(this.app, "All metrics", found)
					: nothingMatches(this.app, `No metric has “${format.visible(q, 60)}” in it`, {
							q: null,
						}),
		);
	}
}

const text = (m) => `${m.name} ${Object.values(m.attrs).join(" ")} ${m.help}`.toLowerCase();
const counted = (m) => m.value > 0;
const isLoss = (m) =>
	LOSS.test(m.name) && !NO_LOSS_NAMES.has(m.name) && !NO_LOSS.has(m.attrs.reason);

function verdict(app, all, { metrics: known, history }) {
	const losses = all.filter((m) => isLoss(m) && counted(m));
	const spans = history?.spans_left_out ?? 0;
	const left = spans
		? h(
				"p",
				{},
				`${format.count(spans)} spans were left out of the store, whole traces at a time: there were too many.`,
			)
		: null;

	if (!known)
		return h(
			"section",
			{ class: "verdict" },
			h("h2", {}, "redeye is too busy to say what was lost"),
			left,
		);
	if (!losses.length)
		return h(
			"section",
			{ class: "verdict good" },
			h("h2", {}, "Nothing was lost"),
			h("p", {}, "All that was observed was counted."),
			left,
		);
	return h(
		"section",
		{ class: "verdict bad" },
		h(
			"h2",
			{},
			`Losses: ${format.count(losses.length)} ${losses.length === 1 ? "counter is" : "counters are"} above zero`,
		),
		left,
		metrics(app, "Losses", losses),
	);
}

function unseen(app, all) {
	const found = all.filter((m) => UNSEEN.has(m.name) && counted(m));

	return h(
		"section",
		{},
		h("h2", {}, "What could not be probed or seen"),
		found.length
			? metrics(app, "What could not be probed or seen", found)
			: h("p", { class: "dim" }, "Nothing that redeye knows of."),
	);
}

function facts(s) {
	const { memory, history } = s;
	const since = s.now - s.started;

	return [
		tiles(
			"The agent",
			tile("State", s.ready ? "ready" : "starting", null, s.ready ? "" : "bad"),
			tile("Backend", format.visible(s.backend, 40)),
			tile("Running for", format.span(since), `since ${format.moment(s.started)}`),
			tile("Processes", format.count(s.processes), "watched"),
			tile(
				"Memory",
				format.bytes(memory.rss_bytes),
				meter(memory.rss_bytes, memory.limit_bytes),
			),
			history
				? tile(
						"History",
						format.bytes(history.bytes),
						meter(history.bytes, history.limit_bytes),
					)
				: tile("History", "off", "--history-limit 0"),
			tile("Version", format.visible(s.version, 40), `process ${s.pid}`),
		),
		h(
			"p",
			{ class: "watching" },
			"Watching ",
			h("code", {}, format.visible(s.watching || "nothing", 2000)),
		),
	];
}

const meter = (used, limit) => [
	h(
		"span",
		{ class: "meter" },
		h("i", {
			class: used > limit * 0.9 ? "c5xx" : "",
			style: { width: `${Math.min(100, (used / (limit || 1)) * 100)}%` },
		}),
	),
	`of ${format.bytes(limit)}`,
];

function depth(history) {
	if (!history) return null;
	const steps = history.steps
		.map(({ step, from, to }) => `${format.span(to - from)} in steps of ${format.span(step)}`)
		.join(", ");
	const spans = history.spans
		? `${format.count(history.spans)} spans, the oldest from ${format.moment(history.spans_from)}`
		: "no spans yet";

	return h(
		"section",
		{},
		h("h2", {}, "How far back it remembers"),
		h("p", {}, `${steps}; ${format.count(history.series)} series; ${spans}.`),
	);
}

function metrics(app, label, list) {
	return table(
		app,
		label,
		COLUMNS,
		list.map((m) =>
			h(
				"tr",
				{ "data-key": m.name + JSON.stringify(m.attrs) },
				h("th", { scope: "row" }, h("code", {}, format.visible(m.name))),
				h(
					"td",
					{},
					Object.entries(m.attrs).map(([k, v]) =>
						h(
							"span",
							{ class: "pair" },
							h("small", {}, format.visible(k, 40)),
							captured(v, 80),
						),
					),
				),
				h("td", { class: "num" }, value(m)),
				h("td", { class: "help" }, captured(m.help, 400)),
			),
		),
	);
}

function value({ value: v, unit }) {
	const annotation = /^\{(.*)\}$/.exec(unit)?.[1];

	if (unit === "By") return format.bytes(v);
	if (unit === "s") return format.duration(v);
	return [
		Number.isInteger(v) ? format.count(v) : format.digits(v),
		annotation ? h("small", {}, " " + format.visible(annotation, 30)) : null,
	];
}
