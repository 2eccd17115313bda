// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Places for a graph's nodes: in layers from left to right, each node right of those that ask it.
// The same graph always looks the same.
//
// 1. Edges that close a circle, found by a depth-first walk along the busiest first, count as
//    reversed. What is busy is a matter of powers of two: a little more traffic changes nothing.
// 2. A node's layer is the length of the longest way to it.
// 3. An edge over several layers gets a bend in each one between, so that it goes around what is there.
// 4. Within a layer nodes are ordered by the mean place of their neighbours, swept to and fro some
//    times.

export const NODE = { width: 152, height: 58 };
const BEND = 10; // height of a bend's place
const GAP = { x: 108, y: 26 };
const PORT = 11; // between the ends of edges on one side of a node
const SWEEPS = 6;
const TALL = 900;

// nodes: [{id}], edges: [{from, to, rate}] of ids that are there. Returns {width, height, places:
// Map(id, {x, y}: the middle), ways: in the order of edges, [{x, y, bend}] from the side of its
// node to that of the other}.
export function layout(nodes, edges) {
	const ids = nodes.map((n) => n.id).sort();
	const back = circles(ids, edges);
	const forward = edges.map((e, i) => (back.has(i) ? { from: e.to, to: e.from } : e));
	const layerOf = layers(
		ids,
		forward.filter((e) => e.from !== e.to),
	);
	const { columns, chains } = bends(ids, forward, layerOf);

	order(columns, chains);
	const { places, width, height } = place(columns);
	const ways = ports(chains.map((chain) => chain.map((id) => places.get(id))));
	return {
		width,
		height,
		places,
		ways: ways.map((way, i) => (back.has(i) ? way.reverse() : way)),
	};
}

// Indices of the edges that lead back to a node the walk is still in.
function circles(ids, edges) {
	const out = new Map(ids.map((id) => [id, []]));
	const state = new Map();
	const back = new Set();

	const power = (i) => Math.round(Math.log2((edges[i].rate ?? 0) + 1e-3));
	edges.forEach((e, i) => e.from !== e.to && out.get(e.from).push([e.to, i]));
	out.forEach((list) => list.sort(([a, i], [b, j]) => power(j) - power(i) || (a < b ? -1 : 1)));
	const walk = (id) => {
		state.set(id, "open");
		for (const [to, i] of out.get(id)) {
			if (state.get(to) === "open") back.add(i);
			else if (!state.has(to)) walk(to);
		}
		state.set(id, "done");
	};
	const asked = new Set(edges.filter((e) => e.from !== e.to).map((e) => e.to));
	[...ids.filter((id) => !asked.has(id)), ...ids].forEach((id) => state.has(id) || walk(id));
	return back;
}

// Without circles this ends after as many rounds as the longest way has nodes.
function layers(ids, edges) {
	const layer = new Map(ids.map((id) => [id, 0]));
	let moved = true;

	while (moved) {
		moved = false;
		for (const { from, to } of edges) {
			if (layer.get(to) > layer.get(from)) continue;
			layer.set(to, layer.get(from) + 1);
			moved = true;
		}
	}
	return layer;
}

// columns: [[{id, bend}]]; chains: of each edge the ids that it passes.
function bends(ids, edges, layerOf) {
	const columns = Array.from({ length: Math.max(0, ...layerOf.values()) + 1 }, () => []);

	ids.forEach((id) => columns[layerOf.get(id)].push({ id, bend: false }));
	const chains = edges.map(({ from, to }, i) => {
		const chain = [from];
		for (let at = layerOf.get(from) + 1; at < layerOf.get(to); at++) {
			chain.push(`${i}\n${at}`);
			columns[at].push({ id: chain.at(-1), bend: true });
		}
		return [...chain, to];
	});
	return { columns, chains };
}

function order(columns, chains) {
	const near = [new Map(), new Map()]; // neighbours to the left, to the right

	const note = (map, a, b) => map.set(a, [...(map.get(a) ?? []), b]);
	for (const chain of chains)
		for (let i = 1; i < chain.length; i++) {
			note(near[0], chain[i], chain[i - 1]);
			note(near[1], chain[i - 1], chain[i]);
		}
	const at = new Map();
	const number = (column) => column.forEach((n, i) => at.set(n.id, (i + 0.5) / column.length));
	columns.forEach(number);
	for (let sweep = 0; sweep < SWEEPS; sweep++) {
		const side = near[sweep % 2];
		for (const column of sweep % 2 ? columns.toReversed() : columns) {
			const mean = new Map(
				column.map(({ id }) => [id, average((side.get(id) ?? [id]).map((n) => at.get(n)))]),
			);
			column.sort((a, b) => mean.get(a.id) - mean.get(b.id));
			number(column);
		}
	}
}

const average = (values) => values.reduce((a, b) => a + b, 0) / values.length;
const size = ({ bend }) => (bend ? BEND : NODE.height);

// Columns are centred on one another, or begin at the top when one is so long that its middle would
// be out of sight.
function place(columns) {
	const heights = columns.map((c) => c.reduce((sum, n) => sum + size(n) + GAP.y, -GAP.y));
	const height = Math.max(NODE.height, ...heights);
	const places = new Map();

	columns.forEach((column, i) => {
		let y = height > TALL ? 0 : (height - heights[i]) / 2;
		for (const n of column) {
			places.set(n.id, {
				x: i * (NODE.width + GAP.x) + NODE.width / 2,
				y: y + size(n) / 2,
				bend: n.bend,
			});
			y += size(n) + GAP.y;
		}
	});
	return { places, height, width: columns.length * (NODE.width + GAP.x) - GAP.x };
}

// Ends of edges on one side of a node are spread, in the order of where they come from or go to.
function ports(ways) {
	const sides = new Map(); // node: ends on its left, on its right

	const note = (node, right, way, to) => {
		if (!sides.has(node)) sides.set(node, [[], []]);
		sides.get(node)[right].push({ way, to });
	};
	ways.forEach((way, i) => {
		note(way[0], 1, i, way[1] ?? way[0]);
		note(way.at(-1), 0, i, way.at(-2) ?? way[0]);
	});
	const at = ways.map((way) => way.map((p) => ({ ...p })));
	sides.forEach((both, node) =>
		both.forEach((ends, right) => {
			const step = Math.min(PORT, (NODE.height - 14) / ends.length);
			ends.sort((a, b) => a.to.y - b.to.y || a.way - b.way).forEach(({ way }, i) => {
				const end = right ? at[way][0] : at[way].at(-1);
				end.y += (i - (ends.length - 1) / 2) * step;
				end.x = node.x + (right ? 0.5 : -0.5) * NODE.width;
			});
		}),
	);
	return at;
}
