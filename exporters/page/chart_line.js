// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Lines, or areas on top of one another, over time. data: {t, step, series: [{name, kind,
// values}]}; kind is the class that colours it (and dashes it: colour alone says nothing), a value
// may be null: then there is a gap.

import { h, s } from "./dom.js";
import * as format from "./format.js";
import { Chart, niceTicks, stepTitle } from "./chart.js";

// unit: formats a value; mark: one of the axis. max: of the axis, when all is zero. stacked: areas.
export function lineChart({ unit, mark = unit, stacked = false, max = 1, ...rest }) {
	const read = (data, i) => ({
		title: stepTitle(data, i),
		rows: data.series.toReversed().map((x) => [x.kind, x.name, unit(x.values[i])]),
	});
	return new Chart({ ...rest, read, draw: (chart) => draw(chart, mark, stacked, max) });
}

function draw(chart, mark, stacked, least) {
	const { series, t } = chart.data;
	const layers = stacked ? stack(series, t.length) : series.map((x) => ({ ...x, top: x.values }));
	const ticks = niceTicks(Math.max(...layers.flatMap((x) => x.top.map((v) => v ?? 0))) || least);
	const y = (v) => chart.bottom - (v / ticks.at(-1)) * chart.innerHeight;

	return {
		lines: [
			layers.toReversed().map((x) => (stacked ? area(chart, x, y) : line(chart, x, y))),
			dots(chart, layers, y),
		],
		y: ticks.map((v) => [y(v), format.tick(mark(v))]),
		legend: series.map((x) => h("span", {}, h("i", { class: "key " + x.kind }), x.name)),
	};
}

function stack(series, n) {
	let base = Array(n).fill(0);

	return series.map((x) => {
		const bottom = base;
		base = base.map((v, i) => v + (x.values[i] ?? 0));
		return { ...x, bottom, top: base };
	});
}

// Broken where values are missing; a lonely one is a dot.
function line(chart, { kind, top }, y) {
	let path = "";

	top.forEach((v, i) => {
		if (v == null) return;
		const p = `${chart.x(i).toFixed(1)},${y(v).toFixed(1)}`;
		const begins = top[i - 1] == null;
		path += (begins ? "M" : "L") + p + (begins && top[i + 1] == null ? "h.1" : "");
	});
	return s("path", { class: "line " + kind, d: path });
}

function area(chart, { kind, top, bottom }, y) {
	const point = (v, i) => `${chart.x(i).toFixed(1)},${y(v).toFixed(1)}`;
	const back = bottom.map(point).reverse();

	return [
		s("path", { class: "area " + kind, d: `M${top.map(point).join("L")}L${back.join("L")}Z` }),
		line(chart, { kind, top }, y),
	];
}

function dots(chart, layers, y) {
	if (chart.at == null) return null;
	return layers
		.filter((x) => x.top[chart.at] != null)
		.map((x) =>
			s("circle", {
				class: "dot " + x.kind,
				cx: chart.x(chart.at),
				cy: y(x.top[chart.at]),
				r: 3,
			}),
		);
}

// A line without axes, for a table: [0, max] of itself, or of `least` if that is more.
export function sparkline(values, kind, label, least = 0) {
	const max = Math.max(least, ...values.map((v) => v ?? 0)) || 1;
	const x = (i) => ((i + 0.5) * 80) / values.length;
	const y = (v) => 19 - ((v ?? 0) / max) * 17;
	const points = values.map((v, i) => `${x(i).toFixed(1)},${y(v).toFixed(1)}`).join("L");

	return s(
		"svg",
		{
			class: "spark",
			viewBox: "0 0 80 20",
			preserveAspectRatio: "none",
			role: "img",
			"aria-label": label,
		},
		s("path", {
			class: "area " + kind,
			d: `M${x(0)},19L${points}L${x(values.length - 1)},19Z`,
		}),
		s("path", { class: "line " + kind, d: "M" + points }),
	);
}
