// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// What is shown instead of numbers: why there are none, and what to do about it.

import { h } from "./dom.js";
import { token } from "./api.js";
import { link } from "./state.js";
import { button, empty } from "./parts.js";
import * as format from "./format.js";

// The agent wants a token. It is kept in this tab's session storage, never in the address.
export function tokenForm(app) {
	const refused = token.get() !== null;
	const input = h("input", {
		id: "token",
		type: "password",
		autocomplete: "off",
		required: true,
		spellcheck: "false",
	});
	const submit = (e) => {
		e.preventDefault();
		token.set(input.value.trim());
		app.restart();
	};

	return empty(
		"This redeye wants a token",
		h(
			"p",
			{},
			"It was started with ",
			h("code", {}, "--listen-token-file"),
			"; the token is what that file holds. It is kept for this tab only.",
		),
		refused &&
			h("p", { class: "problem", role: "alert" }, "The token that was given is not the one."),
		h(
			"form",
			{ class: "row", onsubmit: submit },
			h("label", { for: "token" }, "Token"),
			input,
			h("button", { class: "primary" }, "Use it"),
		),
	);
}

export const historyOff = () =>
	empty(
		"The history is off",
		h(
			"p",
			{},
			"This redeye was started with ",
			h("code", {}, "--history-limit 0"),
			": it counts, but remembers nothing that could be shown here.",
		),
		h(
			"p",
			{},
			"Its numbers are at ",
			h("code", {}, "/metrics"),
			"; its own state is under ",
			h("a", { href: "#/health" }, "Health"),
			".",
		),
	);

export const refused = (message) =>
	empty("redeye refused to answer", h("p", {}, format.visible(message)));

export const failed = (app, message) =>
	empty(
		"That did not work",
		h("p", { class: "problem" }, format.visible(message)),
		h(
			"p",
			{},
			button("Try again", () => app.load()),
			" ",
			h("a", { href: link(app.view) }, "Start this view anew"),
		),
	);

export const unknownView = () =>
	empty("There is no such view", h("p", {}, h("a", { href: "#/services" }, "Services")));

// Nothing was seen yet: of what, and what would make something be seen.
export function noTraffic(status) {
	const watching = status?.watching || "nothing";
	const port = /--port[ =](\d+)/.exec(watching)?.[1];
	const processes = status?.processes ?? 0;

	return empty(
		"No request seen yet",
		h(
			"p",
			{},
			"on ",
			h("code", {}, format.visible(watching)),
			" — ",
			processes
				? `${format.count(processes)} ${processes === 1 ? "process is" : "processes are"} being watched.`
				: "no process matches that yet.",
		),
		h(
			"ul",
			{},
			h("li", {}, "Make one: ", h("code", {}, `curl http://127.0.0.1:${port ?? "PORT"}/`)),
			h(
				"li",
				{},
				"Or select something else: ",
				h("code", {}, "redeye run --port 8080"),
				", ",
				h("code", {}, "--exe '*/nginx'"),
				", ",
				h("code", {}, "--pid 4711"),
				", ",
				h("code", {}, "--all"),
			),
			h(
				"li",
				{},
				"Or see what redeye could not look into: ",
				h("a", { href: "#/health" }, "Health"),
			),
		),
	);
}

export const nothingMatches = (app, what, changes) =>
	empty(
		what,
		h(
			"p",
			{},
			button("Take the filter off", () => app.go(changes)),
		),
	);

export const noSuchTrace = (id) =>
	empty(
		"This trace is not here",
		h(
			"p",
			{},
			"The store has the last spans only, those with errors and the slow ones longer. ",
			h("code", {}, format.visible(id, 64)),
			" was not among them, or is no longer.",
		),
		h("p", {}, h("a", { href: link("traces") }, "All traces")),
	);

// How long nobody has answered, and when it is tried again.
export const away = (since, seconds, retry) =>
	h(
		"div",
		{ class: "banner" },
		h("span", { role: "alert" }, `redeye does not answer since ${format.time(since)}. `),
		h(
			"span",
			{},
			"What is shown is from before. Next try in ",
			h("span", { class: "num" }, `${seconds} s`),
			". ",
		),
		button("Try now", retry),
	);
