// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The frame around the views: which one the address asks for, the heartbeat that refreshes it, and
// what is shown when the agent does not answer, refuses, or wants a token.
//
// A view is {title(params), timed, history, window, every(params), create(app)}; what create()
// returns is {el, load(signal), tick(data)}: load() asks the API and shows the answer, again and
// again. timed: it has a window of time; every: ticks between two loads, 0: never by itself.

import { h, update } from "./dom.js";
import { ApiError, get, token } from "./api.js";
import { Heartbeat } from "./live.js";
import { WINDOWS, changed, elsewhere, isPaused, parse, windowOf } from "./state.js";
import { button } from "./parts.js";
import * as states from "./states.js";
import * as format from "./format.js";
import { services } from "./view_services.js";
import { service } from "./view_service.js";
import { map } from "./view_map.js";
import { traces } from "./view_traces.js";
import { trace } from "./view_trace.js";
import { health } from "./view_health.js";

const VIEWS = { __proto__: null, services, service, map, traces, trace, health };
const NAVIGATION = [
	["services", "Services"],
	["map", "Map"],
	["traces", "Traces"],
	["health", "Health"],
];
const PARENT = { service: "services", trace: "traces" };
const RETRY_S = [1, 2, 4, 8, 15];
const STATUS_TICKS = 15;
const THEMES = ["auto", "light", "dark"];

const at = (id) => document.getElementById(id);

const app = {
	view: "", // its name
	params: new URLSearchParams(),
	status: null, // as last answered
	now: 0, // the agent's time, as a view has last been told
	mode: "off", // of the heartbeat
	current: null,
	failures: 0,
	ticks: 0,

	// Changes parameters of this view. replace: no step back leads here; quiet: nothing is
	// loaded.
	go(changes, { replace = false, quiet = false } = {}) {
		this.open(changed(this, changes), replace, quiet);
	},

	open(address, replace = false, quiet = false) {
		if (replace || address === location.hash) history.replaceState(null, "", address);
		else history.pushState(null, "", address);
		if (quiet) this.params = parse(location.hash).params;
		else this.route();
	},

	announce(text) {
		at("announce").textContent = text;
	},

	restart() {
		this.status = null;
		this.load();
	},

	route() {
		const { view, params } = parse(location.hash);
		const moved = view !== this.view;

		this.params = params;
		if (moved) {
			const first = !this.view;
			this.view = view;
			this.current = VIEWS[view]?.create(this);
			at("main").replaceChildren(this.current?.el ?? states.unknownView());
			window.scrollTo(0, 0);
			if (!first) at("main").focus({ preventScroll: true });
		}
		this.frame();
		if (this.current) this.load();
	},

	// Shows what the address says now; a later call makes an earlier one void.
	async load() {
		const mine = (this.abort?.abort(), new AbortController());

		this.abort = mine;
		try {
			this.status ??= await get("status", {}, mine.signal);
			const off = VIEWS[this.view].history && !this.status.history;
			if (!off) await this.current.load(mine.signal);
			if (mine === this.abort) this.succeeded(off ? states.historyOff() : this.current.el);
		} catch (e) {
			if (mine === this.abort) this.troubled(e);
		} finally {
			if (mine === this.abort) this.abort = null;
		}
	},

	show(el) {
		if (at("main").firstChild !== el) at("main").replaceChildren(el);
	},

	succeeded(el) {
		if (this.failures) this.announce("redeye answers again");
		this.failures = 0;
		clearInterval(this.retry);
		update(at("banner"));
		at("main").classList.remove("stale");
		this.show(el);
		this.frame();
		this.heart.set(this.every() > 0);
	},

	every() {
		return this.params.has("end") ? 0 : VIEWS[this.view].every(this.params);
	},

	troubled(e) {
		this.heart.set(false);
		if (!(e instanceof ApiError)) throw e;
		if ([0, 429, 502, 503, 504].includes(e.status)) this.away();
		else if (e.status === 401) this.show(states.tokenForm(this));
		else if (e.status === 403) this.show(states.refused(e.message));
		else this.show(states.failed(this, e.message));
		this.frame();
	},

	// Nobody answers: what is shown stays, and it is tried again, less and less often.
	away() {
		let seconds = RETRY_S[Math.min(this.failures++, RETRY_S.length - 1)];
		const retry = () => {
			clearInterval(this.retry);
			this.load();
		};
		const draw = () => update(at("banner"), states.away(this.since, seconds, retry));

		if (this.failures === 1) this.since = Date.now() / 1000;
		at("main").classList.add("stale");
		clearInterval(this.retry);
		this.retry = setInterval(() => (--seconds > 0 ? draw() : retry()), 1000);
		draw();
	},

	// ---- the heartbeat ----

	beat(data) {
		this.current?.tick?.(data);
		this.ticks++;
		if (this.ticks % STATUS_TICKS === 0) this.refreshStatus();
		if (!this.abort && this.ticks % Math.max(1, this.every()) === 0) this.load();
	},

	async refreshStatus() {
		try {
			this.status = await get("status");
			this.frame();
		} catch {
			// the view's own next request says so
		}
	},

	modeIs(mode) {
		if (mode !== this.mode) {
			this.mode = mode;
			this.frame();
		}
	},

	// ---- the frame ----

	frame() {
		const view = VIEWS[this.view];
		const host = this.status ? ` on ${format.visible(this.status.hostname, 80)}` : "";

		document.title = `${view?.title(this.params) ?? "Nothing here"} · redeye${host}`;
		update(
			at("nav"),
			NAVIGATION.map(([name, text]) =>
				h(
					"a",
					{
						href: elsewhere(this, name),
						"aria-current": (PARENT[this.view] ?? this.view) === name ? "page" : null,
					},
					text,
				),
			),
		);
		update(at("tools"), view?.timed ? [this.windows(view), this.liveButton()] : null);
		update(at("theme"), themeButton());
		update(
			at("footer"),
			this.status &&
				footer(
					this.status,
					token.get() !== null &&
						(() => {
							token.forget();
							this.restart();
						}),
				),
		);
	},

	windows(view) {
		const chosen = windowOf(this.params, view.window);

		return h(
			"div",
			{ class: "segments", role: "group", "aria-label": "Time window" },
			WINDOWS.map(([seconds, text]) =>
				button(text, () => this.go({ window: seconds }), {
					"aria-pressed": String(seconds === chosen),
					title: `the last ${format.span(seconds)}`,
				}),
			),
		);
	},

	// What stands still has its end in the address, so that a link shows just that.
	liveButton() {
		if (isPaused(this.params))
			return button(
				[
					h("i", { class: "led paused" }),
					`${format.time(Number(this.params.get("end")))} `,
					h("span", {}, "Resume"),
				],
				() => this.go({ end: null }),
				{ class: "live" },
			);
		const words = { live: "Live", polling: "Polling", off: "Not live" };
		return button(
			[
				h("i", { class: "led " + this.mode }),
				words[this.mode],
				h("span", { class: "sr" }, ". Pause"),
			],
			() => this.go({ end: Math.floor(this.now) || null }),
			{ class: "live", title: "Stop here: the address then shows just this time" },
		);
	},
};

function themeButton() {
	const theme = localStorage.getItem("redeye-theme") ?? "auto";
	const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];

	document.documentElement.dataset.theme = theme;
	return button(
		{ auto: "◐", light: "☀", dark: "☾" }[theme],
		() => {
			localStorage.setItem("redeye-theme", next);
			app.frame();
		},
		{
			class: "theme",
			"aria-label": `Theme: ${theme}`,
			title: `Theme: ${theme}; next: ${next}`,
		},
	);
}

function footer({ version, hostname, watching }, forget) {
	return [
		h("span", {}, `redeye ${format.visible(version, 40)} on ${format.visible(hostname, 80)}`),
		h("span", {}, "watching ", h("code", {}, format.visible(watching || "nothing"))),
		h(
			"span",
			{ class: "keys" },
			h("kbd", {}, "/"),
			" filter  ",
			h("kbd", {}, "←"),
			" ",
			h("kbd", {}, "→"),
			" in charts  ",
			h("kbd", {}, "↑"),
			" ",
			h("kbd", {}, "↓"),
			" in traces",
		),
		forget && button("Forget the token", forget),
	];
}

function slash(e) {
	const typing = e.target.closest("input, select, textarea");
	const filter = document.querySelector("main .filter");

	if (e.key === "/" && !typing && filter && !e.ctrlKey && !e.metaKey && !e.altKey) {
		e.preventDefault();
		filter.focus();
		filter.select();
	}
}

function skip(e) {
	e.preventDefault(); // the address is the view's
	at("main").focus();
}

app.heart = new Heartbeat(
	(data) => app.beat(data),
	(mode) => app.modeIs(mode),
);
window.addEventListener("popstate", () => app.route());
document.addEventListener("keydown", slash);
document.querySelector(".skip").addEventListener("click", skip);
app.route();
