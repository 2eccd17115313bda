// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The spans of a trace as a tree. Ids were captured: two spans may claim the same one, and parents
// may form a circle. Each span is in the result once whatever they say.

// [{span, depth, lost}] in the order of the tree, children by their start. lost: its parent is not
// here.
export function flatten(spans) {
	const byId = new Map(spans.map((x) => [x.span_id, x]));
	const children = Map.groupBy(spans, (x) => x.parent_id);
	const seen = new Set();
	const rows = [];

	const walk = (first, lost) => {
		const todo = [[first, 0, lost]];
		while (todo.length) {
			const [span, depth, own] = todo.pop();
			if (seen.has(span)) continue;
			seen.add(span);
			rows.push({ span, depth, lost: own });
			const below = byId.get(span.span_id) === span ? (children.get(span.span_id) ?? []) : [];
			todo.push(...below.toReversed().map((x) => [x, depth + 1, false]));
		}
	};
	spans.filter((x) => !byId.has(x.parent_id)).forEach((x) => walk(x, x.parent_id !== null));
	spans.forEach((x) => walk(x, false)); // what is left is in a circle
	return rows;
}

// From the first start to the last end, in seconds.
export function extent(spans) {
	const from = Math.min(...spans.map((x) => x.start));
	return { from, length: Math.max(...spans.map((x) => x.start - from + x.duration)) || 1e-6 };
}

// [name, from, to] in seconds from the span's start: the request moves, the server is waited for,
// the response moves.
export function phases({ duration, request_end: sent, first_byte: first }) {
	const end = (x, least) => Math.min(Math.max(x, least), duration);
	const a = sent == null ? 0 : end(sent, 0);
	const b = first == null ? duration : end(first, a);

	return [
		["request", 0, a],
		["wait", a, b],
		["response", b, duration],
	];
}
