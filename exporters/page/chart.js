// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// What every chart has: a frame with a title and a legend, axes, and a cursor that the pointer or
// the arrow keys move along the steps. The drawing itself is hidden from a screen reader. To it the
// chart is a slider over time whose value text is what a tooltip shows to others.

import { h, s, update } from "./dom.js";
import * as format from "./format.js";

export const MARGIN = { left: 58, right: 10, top: 8, bottom: 22 };
const HEIGHT = 190;
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];

// About `n` round values from 0 to at least `max`.
export function niceTicks(max, n = 4) {
	const raw = max / n;
	const power = 10 ** Math.floor(Math.log10(raw));
	const step = power * ([1, 2, 2.5, 5].find((m) => m * power >= raw * 0.999) ?? 10);
	const ticks = [];

	for (let i = 0; i * step < max + step * 0.999; i++) ticks.push(i * step);
	return ticks;
}

export function timeTicks(from, to, width) {
	const step = TIME_STEPS.find((t) => ((to - from) / t) * 70 <= width) ?? 7200;
	const ticks = [];

	for (let t = Math.ceil(from / step) * step; t <= to; t += step) ticks.push(t);
	return { step, ticks };
}

// draw(chart): returns {lines: [SVG], y: [[position, text]], top(i)}; read(i, row): {title, rows:
// [[class, name, value]]} pick(i, row): Enter or a click, when given. rows: how many the cursor may
// choose from (0: all at once).
export class Chart {
	constructor({ title, hint, draw, read, pick }) {
		Object.assign(this, { draw, read, pick, at: null, row: null, data: null });
		this.svg = s("svg", { "aria-hidden": "true" });
		this.tip = h("div", { class: "tip", hidden: true });
		this.legend = h("div", { class: "legend" });
		this.plot = h(
			"div",
			{
				class: pick ? "plot picks" : "plot",
				tabindex: 0,
				role: "slider",
				"aria-label": title,
				"aria-valuemin": 0,
				"aria-valuemax": 0,
				"aria-valuenow": 0,
				"aria-valuetext": "no data",
				onkeydown: (e) => this.key(e),
				onclick: (e) => this.click(e),
				onfocus: () => this.focused(),
			},
			this.svg,
			this.tip,
		);
		this.el = h(
			"figure",
			{ class: "chart" },
			h("figcaption", {}, h("h3", {}, title), h("span", { class: "dim" }, hint), this.legend),
			this.plot,
		);
		this.listen();
	}

	listen() {
		const { plot } = this;

		plot.addEventListener("pointermove", (e) => this.pointer(e));
		plot.addEventListener("pointerdown", (e) => this.pointer(e));
		plot.addEventListener("pointerleave", (e) => e.pointerType === "touch" || this.leave());
		plot.addEventListener("blur", () => this.leave());
		new ResizeObserver(() => this.render()).observe(plot);
	}

	// data: {t, step, ...}, as draw and read of this chart take it
	set(data) {
		this.data = data;
		this.render();
	}

	get width() {
		return Math.max(200, this.plot.clientWidth);
	}
	get innerWidth() {
		return this.width - MARGIN.left - MARGIN.right;
	}
	get innerHeight() {
		return HEIGHT - MARGIN.top - MARGIN.bottom;
	}
	get bottom() {
		return HEIGHT - MARGIN.bottom;
	}

	// The middle of step i.
	x(i) {
		return MARGIN.left + ((i + 0.5) * this.innerWidth) / this.data.t.length;
	}

	render() {
		if (!this.data?.t.length || !this.plot.clientWidth) return;
		const { lines, y, legend, rows, rowAt } = this.draw(this);

		Object.assign(this, { rows: rows ?? 0, rowAt });
		this.svg.setAttribute("viewBox", `0 0 ${this.width} ${HEIGHT}`);
		update(this.svg, this.axes(y), lines, this.cursor());
		update(this.legend, legend ?? []);
		this.plot.setAttribute("aria-valuemax", this.data.t.length - 1);
		this.show();
	}

	axes(y) {
		const { t, step } = this.data;
		const end = t.at(-1) + step;
		const { step: every, ticks } = timeTicks(t[0], end, this.innerWidth);
		const at = (x) => MARGIN.left + ((x - t[0]) / (end - t[0])) * this.innerWidth;
		const text = every < 60 ? format.time : format.minute;

		return [
			y.map(([top, label]) => [
				s("line", {
					class: "grid",
					x1: MARGIN.left,
					x2: this.width - MARGIN.right,
					y1: top,
					y2: top,
				}),
				s("text", { class: "tick end", x: MARGIN.left - 6, y: top + 4 }, label),
			]),
			ticks
				.filter((x) => at(x) > MARGIN.left + 14 && at(x) < this.width - 24)
				.map((x) => s("text", { class: "tick mid", x: at(x), y: HEIGHT - 6 }, text(x))),
		];
	}

	cursor() {
		if (this.at == null) return null;
		return s("line", {
			class: "cursor",
			x1: this.x(this.at),
			x2: this.x(this.at),
			y1: MARGIN.top,
			y2: this.bottom,
		});
	}

	// ---- the cursor ----

	pointer(e) {
		const box = this.plot.getBoundingClientRect();

		if (!this.data?.t.length) return;
		const i = Math.floor(
			((e.clientX - box.left - MARGIN.left) / this.innerWidth) * this.data.t.length,
		);
		this.move(i, this.rows ? this.rowAt(e.clientY - box.top) : null);
	}

	// By a key, or a screen reader's: a mouse has said where already.
	focused() {
		if (this.at == null && this.plot.matches(":focus-visible") && this.data?.t.length)
			this.move(
				this.data.t.length - 1,
				this.rows ? (this.busiest?.(this.data.t.length - 1) ?? 0) : null,
			);
	}

	move(i, row) {
		this.at = Math.min(Math.max(i, 0), this.data.t.length - 1);
		this.row = row == null ? null : Math.min(Math.max(row, 0), this.rows - 1);
		this.render();
	}

	leave() {
		if (document.activeElement === this.plot && this.plot.matches(":focus-visible")) return;
		this.at = null;
		this.render();
	}

	key(e) {
		const last = (this.data?.t.length ?? 0) - 1;
		const by = {
			ArrowLeft: -1,
			ArrowRight: 1,
			PageUp: -10,
			PageDown: 10,
			Home: -last,
			End: last,
		}[e.key];
		const up = this.rows ? { ArrowUp: 1, ArrowDown: -1 }[e.key] : undefined;

		if (last < 0 || (by === undefined && up === undefined && e.key !== "Enter")) return;
		e.preventDefault();
		if (e.key === "Enter") this.choose();
		else
			this.move(
				(this.at ?? last) + (by ?? 0),
				this.rows ? (this.row ?? 0) + (up ?? 0) : null,
			);
	}

	// A finger cannot hover: its tap only shows.
	click(e) {
		if (e.pointerType !== "touch") this.choose();
	}

	choose() {
		if (this.pick && this.at != null) this.pick(this.data, this.at, this.row);
	}

	show() {
		const { at, tip, plot } = this;

		tip.hidden = at == null;
		if (at == null) return;
		const { title, rows } = this.read(this.data, at, this.row);
		update(
			tip,
			h("b", {}, title),
			h(
				"table",
				{ role: "presentation" },
				rows.map(([kind, name, value]) =>
					h(
						"tr",
						{},
						h("td", {}, kind && h("i", { class: "key " + kind }), name),
						h("td", { class: "num" }, value),
					),
				),
			),
		);
		tip.style.left = this.x(at) > this.width / 2 ? "auto" : `${this.x(at) + 12}px`;
		tip.style.right =
			this.x(at) > this.width / 2 ? `${this.width - this.x(at) + 12}px` : "auto";
		plot.setAttribute("aria-valuenow", at);
		plot.setAttribute(
			"aria-valuetext",
			title + ": " + rows.map(([, name, value]) => `${name} ${value}`).join(", "),
		);
	}
}

// When step i was.
export function stepTitle({ t, step }, i) {
	return step > 1 ? `${format.time(t[i])} to ${format.time(t[i] + step)}` : format.time(t[i]);
}
