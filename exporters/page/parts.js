// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Small things that several views are made of.

import { h } from "./dom.js";
import * as format from "./format.js";
import { changed } from "./state.js";

// Text that was captured: isolated, so that its direction stays its own.
export const captured = (text, max) => h("bdi", {}, format.visible(text, max));

// A number under its name; more: what is beside it, a sparkline below it.
export const tile = (name, value, more, kind) =>
	h(
		"div",
		{ class: "tile " + (kind ?? ""), "data-key": name },
		h("dt", {}, name),
		h("dd", {}, h("b", {}, value), more),
	);

export const tiles = (label, ...children) =>
	h("dl", { class: "tiles", "aria-label": label }, children);

// good, some or bad: of a ratio of errors; the same everywhere.
export function severity(errorRatio) {
	if (!errorRatio) return "good";
	return errorRatio < 0.01 ? "some" : "bad";
}

const MARKS = { good: "", some: "▲", bad: "●" };

export const errorRatio = (x) =>
	h(
		"span",
		{ class: "sev " + severity(x) },
		h("span", { class: "mark", "aria-hidden": "true" }, MARKS[severity(x)]),
		format.ratio(x),
	);

export function statusBadge(status, error) {
	return h(
		"span",
		{ class: "badge " + format.statusKind(status, error) },
		status == null ? "none" : format.visible(status, 40),
		error && error !== status ? h("small", {}, format.visible(error, 40)) : null,
	);
}

export const empty = (title, ...children) =>
	h("section", { class: "empty" }, h("h2", {}, title), children);

export const button = (text, onclick, more) =>
	h("button", { type: "button", onclick, ...more }, text);

// A box that filters what is shown by parameter `q`.
export function filterBox(app, label) {
	let timer;

	const input = h("input", {
		type: "search",
		"aria-label": label,
		placeholder: label + "  ( / )",
		class: "filter",
		spellcheck: "false",
		maxlength: 200,
		oninput: () => {
			clearTimeout(timer);
			timer = setTimeout(
				() => app.go({ q: input.value || null, limit: null }, { replace: true }),
				150,
			);
		},
	});
	return input;
}

// Unless it is being typed into.
export function showValue(input, value) {
	if (document.activeElement !== input) input.value = value ?? "";
}

// What a list does not show yet. `limit` is a parameter, and of the API at most 1,000.
export function more(app, shown, total) {
	if (shown >= total) return null;
	const next = Math.min(1000, shown * 2, total);
	return h(
		"p",
		{ class: "more" },
		`${format.count(shown)} of ${format.count(total)} are shown. `,
		next > shown
			? button(`Show ${format.count(next)}`, () => app.go({ limit: next }, { replace: true }))
			: "The filter finds the others.",
	);
}

// A table in a region of its own that scrolls, rather than the page. columns: [{name, sort, kind,
// hint}]; rows: elements. sort: a name that the API knows.
export function table(app, label, columns, rows) {
	return h(
		"div",
		{ class: "scroll", role: "region", "aria-label": label, tabindex: 0 },
		h(
			"table",
			{ class: "data" },
			h(
				"thead",
				{},
				h(
					"tr",
					{},
					columns.map((c) => heading(app, c)),
				),
			),
			h("tbody", {}, rows),
		),
	);
}

function heading(app, { name, sort, kind, hint }) {
	if (!sort) return h("th", { scope: "col", class: kind, title: hint }, name);
	const { sort: by, order } = sorting(app.params);
	const mine = by === sort;
	const next = mine ? (order === "asc" ? "desc" : "asc") : sort === "name" ? "asc" : "desc";

	return h(
		"th",
		{ scope: "col", class: kind, "aria-sort": mine ? order + "ending" : "none" },
		h(
			"button",
			{ type: "button", title: hint, onclick: () => app.go({ sort, order: next }) },
			name,
			h(
				"span",
				{ class: "arrow", "aria-hidden": "true" },
				mine ? (order === "asc" ? "▲" : "▼") : "",
			),
		),
	);
}

export function sorting(params) {
	const sort = params.get("sort") ?? "rate";
	return { sort, order: params.get("order") ?? (sort === "name" ? "asc" : "desc") };
}

// What the view is cut down to, each with a way to take it off.
export function chips(app, entries) {
	return h(
		"div",
		{ class: "chips" },
		entries.map(([label, changes]) =>
			h(
				"a",
				{
					class: "chip",
					href: changed(app, changes),
					"data-key": label,
					"aria-label": `Take off: ${label}`,
				},
				format.visible(label, 80),
				h("span", { "aria-hidden": "true" }, " ✕"),
			),
		),
	);
}

// Where the clipboard is not to be had (no TLS), the text is shown to be copied by hand.
export function copyButton(app, name, text) {
	return button(name, async (e) => {
		try {
			await navigator.clipboard.writeText(text());
			app.announce("Copied");
		} catch {
			const input = h("input", { readonly: true, value: text(), "aria-label": name });
			e.target.replaceWith(input);
			input.select();
		}
	});
}
