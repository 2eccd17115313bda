// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// How durations are spread over time: a column for each step, a row for some neighbouring buckets
// on a logarithmic axis, the darker the more requests. data: {t, step, bounds, cells} of /series.
//
// Buckets are 9 % wide, which is too fine to be seen or hit: neighbours are drawn as one, so that a
// row is at least ROW_MIN high.

import { h, s } from "./dom.js";
import * as format from "./format.js";
import { Chart, MARGIN, stepTitle } from "./chart.js";

const ROW_MIN = 9;
const SHADES = 8;

export function heatChart(options) {
	let grid = { rows: [] };

	const chart = new Chart({
		...options,
		draw: (c) => {
			grid = rowsOf(c.data, c.innerHeight);
			return draw(c, grid);
		},
		read: (data, i, row) => ({ title: stepTitle(data, i), rows: readRow(grid, i, row) }),
		pick:
			options.pick &&
			((data, i, row) => grid.rows[row] && options.pick(data, i, grid.rows[row])),
	});
	chart.busiest = (i) =>
		grid.rows.reduce((best, r, at) => (r.counts[i] > grid.rows[best].counts[i] ? at : best), 0);
	return chart;
}

// Where bucket i begins. Before the first bound there is another, as far away, or nothing: the
// shortest end at a microsecond.
const begin = (bounds, i) =>
	i ? bounds[i - 1] : bounds[0] > 1.01e-6 ? bounds[0] / 2 ** (1 / 8) : 0;

// {rows: [{from, to, counts}], max}, the shortest durations first. Bounds in seconds.
function rowsOf({ t, bounds, cells }, height) {
	const used = cells.flatMap((column) => column.map(([i]) => i));

	if (!used.length) return { rows: [], max: 0 };
	const first = Math.max(0, Math.min(...used) - 2);
	const last = Math.min(bounds.length - 1, Math.max(...used) + 2);
	const group = Math.ceil(((last - first + 1) * ROW_MIN) / height);
	const rows = [];
	for (let i = first; i <= last; i += group)
		rows.push({
			from: begin(bounds, i),
			to: bounds[Math.min(i + group, bounds.length) - 1],
			counts: Array(t.length).fill(0),
		});
	cells.forEach((column, at) =>
		column.forEach(([i, n]) => (rows[Math.floor((i - first) / group)].counts[at] += n)),
	);
	return { rows, max: Math.max(...rows.flatMap((r) => r.counts)) };
}

const shade = (n, max) => Math.ceil((Math.log1p(n) / Math.log1p(max)) * SHADES);

function draw(chart, { rows, max }) {
	const size = chart.innerHeight / (rows.length || 1);
	const top = (row) => chart.bottom - (row + 1) * size;

	return {
		lines: [cells(chart, rows, max, top, size), frame(chart, top, size)],
		y: rows.length ? yTicks(chart, rows) : [],
		rows: rows.length,
		rowAt: (y) => Math.floor((chart.bottom - y) / size),
		legend: max ? scale(max) : h("span", {}, "no requests in this time"),
	};
}

// One path for all cells of a shade: thousands of rectangles would be slow.
function cells(chart, rows, max, top, size) {
	const width = chart.innerWidth / chart.data.t.length;
	const paths = Array(SHADES + 1).fill("");

	rows.forEach((row, r) =>
		row.counts.forEach((n, i) => {
			if (n)
				paths[shade(n, max)] +=
					`M${(MARGIN.left + i * width).toFixed(1)},${top(r).toFixed(1)}` +
					`h${Math.max(width - 0.5, 0.5).toFixed(1)}v${(size - 0.5).toFixed(1)}h-${Math.max(width - 0.5, 0.5).toFixed(1)}z`;
		}),
	);
	return paths.map((d, i) => d && s("path", { class: "heat heat" + i, d }));
}

function frame(chart, top, size) {
	const width = chart.innerWidth / chart.data.t.length;

	if (chart.at == null || chart.row == null) return null;
	return s("rect", {
		class: "frame",
		x: MARGIN.left + chart.at * width - 1,
		y: top(chart.row) - 1,
		width: width + 1.5,
		height: size + 1.5,
	});
}

// 1, 2 and 5 of each power of ten, or the powers alone when that is too many.
function yTicks(chart, rows) {
	const low = Math.log(rows[0].from || rows[0].to / 2);
	const scaleOf = chart.innerHeight / (Math.log(rows.at(-1).to) - low);
	const all = [];

	for (let power = 1e-6; power < 1e5; power *= 10)
		for (const m of [1, 2, 5])
			all.push([
				chart.bottom - (Math.log(m * power) - low) * scaleOf,
				format.tick(format.duration(m * power)),
				m,
			]);
	const inside = all.filter(([y]) => y >= MARGIN.top - 1 && y <= chart.bottom + 1);
	return inside.length > 8 ? inside.filter(([, , m]) => m === 1) : inside;
}

function readRow({ rows }, i, row) {
	const total = rows.reduce((sum, r) => sum + r.counts[i], 0);

	if (row == null || !rows[row]) return [[null, "all", `${format.count(total)} req`]];
	const { from, to, counts } = rows[row];
	return [
		[
			null,
			`${format.duration(from)} to ${format.duration(to)}`,
			`${format.count(counts[i])} req`,
		],
		[null, "of", `${format.count(total)} req`],
	];
}

const scale = (max) => [
	h("span", {}, "1"),
	h(
		"span",
		{ class: "shades" },
		Array.from({ length: SHADES }, (_, i) => h("i", { class: `key heat${i + 1}` })),
	),
	h("span", {}, `${format.count(max)} req`),
];
