// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// What is shown is what the API says: the numbers are read off the page, with their units.

import { cells, check, equal, quantity, shows, test, tilesOf, until } from "./harness.mjs";
import { FAILED, ORDERS } from "./cases_views.mjs";

const STATS = ["rate", "error_ratio", "p50", "p95", "p99"];

for (const window of [60, 300, 900])
	test(`numbers of services, ${window} s`, async (bench) => {
		const page = await bench.open(`services?window=${window}`);
		const { services } = await bench.api(`services?window=${window}`);
		const one = await bench.api(`series?kind=server&window=${window}&points=1`);

		await until(
			async () => (await cells(page, "Services")).length === services.length,
			"a row each",
		);
		(await cells(page, "Services")).forEach((row, i) => {
			const stats = services[i].server ?? services[i].client;
			equal(row[0], services[i].name + services[i].namespace, "name");
			STATS.forEach((field, at) =>
				shows(row[at + 1], stats[field], `${services[i].name} ${field}`),
			);
			equal(quantity(row[6]), services[i].server ? services[i].in_flight : null, "in flight");
		});
		const tiles = await tilesOf(page, "All services together");
		["Served", "Errors", "p50", "p95", "p99"].forEach((name, i) =>
			shows(tiles[name], one[STATS[i]][0], name),
		);
		equal(tiles.Services, String(services.length), "services");
	});

test("numbers of a service and its routes", async (bench) => {
	const page = await bench.open(ORDERS);
	const { routes } = await bench.api("routes?service=orders&namespace=&kind=server&window=300");
	const one = await bench.api("series?service=orders&namespace=&kind=server&window=300&points=1");

	await until(async () => (await cells(page, "Routes")).length === routes.length, "a row each");
	(await cells(page, "Routes")).forEach((row, i) => {
		equal(row[0], `${routes[i].method} ${routes[i].route}`, "name");
		STATS.forEach((field, at) => shows(row[at + 1], routes[i][field], `${row[0]} ${field}`));
		equal(quantity(row[6]), routes[i].total_count, "total");
		Object.entries(routes[i].statuses).forEach(([status, n]) =>
			check(
				row[7].includes(status + n.toLocaleString("en-US")),
				`${status} ${n} is not in "${row[7]}"`,
			),
		);
	});
	const tiles = await tilesOf(page, "In this time");
	["Rate", "Errors", "p50", "p95", "p99"].forEach((name, i) =>
		shows(tiles[name], one[STATS[i]][0], name),
	);
	equal(quantity(tiles.Requests), one.count[0], "requests");
});

test("one route: charts and numbers are of it alone", async (bench) => {
	const page = await bench.open(ORDERS);

	await page.getByRole("link", { name: "GET /orders/{id}", exact: true }).click();
	const one = await bench.api(
		"series?service=orders&namespace=&kind=server&protocol=http&method=GET&route=%2Forders%2F{id}&window=300&points=1",
	);
	await until(
		async () => quantity((await tilesOf(page, "In this time")).Requests) === one.count[0],
		"its count",
	);
	equal(await page.locator("tr.shown").count(), 1, "rows that are marked");
	await page.getByRole("link", { name: "Take off: GET /orders/{id}" }).click();
	await until(
		async () => quantity((await tilesOf(page, "In this time")).Requests) > one.count[0],
		"all again",
	);
});

test("a route that has none is not all routes", async (bench) => {
	const page = await bench.open("service?service=web&namespace=&window=300");

	await page.getByRole("link", { name: "GET (no route)", exact: true }).click();
	const one = await bench.api(
		"series?service=web&namespace=&kind=server&method=GET&route=&window=300&points=1",
	);
	await until(
		async () => quantity((await tilesOf(page, "In this time")).Requests) === one.count[0],
		"its count",
	);
});

test("hover values of lines", async (bench) => {
	const page = await bench.open(ORDERS);
	const series = await bench.api(
		"series?service=orders&namespace=&kind=server&window=300&points=120",
	);
	const plot = page.getByRole("slider", { name: "Duration", exact: true });

	await page.locator(".charts path.line").first().waitFor();
	const box = await plot.boundingBox();
	for (const part of [0.02, 0.5, 0.98]) {
		const i = Math.floor(part * series.t.length);
		await page.mouse.move(
			box.x + 58 + ((i + 0.5) * (box.width - 68)) / series.t.length,
			box.y + 80,
		);
		await until(
			async () => (await plot.getAttribute("aria-valuenow")) === String(i),
			`step ${i}`,
		);
		const rows = await plot
			.locator(".tip tr")
			.evaluateAll((all) => all.map((r) => [...r.children].map((c) => c.textContent)));
		equal(
			rows.map(([name]) => name),
			["p99", "p95", "p50"],
			"names",
		);
		rows.forEach(([name, value]) => shows(value, series[name][i], `${name} at ${i}`));
		check(
			(await plot.locator(".tip b").textContent()).startsWith(
				new Date(series.t[i] * 1000).toISOString().slice(11, 19),
			),
			"time of the step",
		);
	}
});

test("stacked areas add up", async (bench) => {
	const page = await bench.open(ORDERS);
	const series = await bench.api(
		"series?service=orders&namespace=&kind=server&window=300&points=120",
	);
	const plot = page.getByRole("slider", { name: "Requests", exact: true });

	await page.locator(".charts path.area").first().waitFor();
	await plot.focus();
	await page.keyboard.press("Home");
	await until(async () => (await plot.getAttribute("aria-valuenow")) === "0", "the first step");
	const values = await plot
		.locator(".tip tr")
		.evaluateAll((all) => all.map((r) => r.children[1].textContent));
	shows(String(values.reduce((sum, v) => sum + quantity(v), 0)), series.rate[0], "their sum");
});

test("hover values of the heat map, and from a cell to its traces", async (bench) => {
	const page = await bench.open("service?service=web&namespace=&kind=server&window=300");
	const { heat, t, step } = await bench.api(
		"series?service=web&namespace=&kind=server&window=300&points=120&heat=1",
	);
	const plot = page.getByRole("slider", { name: "Spread of durations" });

	await page.locator("path.heat").first().waitFor();
	await plot.focus();
	await page.keyboard.press("End");
	let sum = 0;
	for (let i = 0; i < 40; i++) await page.keyboard.press("ArrowDown");
	for (let i = 0, before = ""; i < 40; i++) {
		const text = await plot.getAttribute("aria-valuetext");
		if (text === before) break;
		before = text;
		const [, from, to, n] = /: ([^:]+?) to ([^:]+?) ([\d,]+)\sreq/u.exec(text);
		const inside = heat.cells
			.at(-1)
			.filter(
				([b]) =>
					heat.bounds[b] > quantity(from) * 1.005 &&
					heat.bounds[b] <= quantity(to) * 1.005,
			);
		equal(
			quantity(n),
			inside.reduce((all, [, m]) => all + m, 0),
			`requests of ${from} to ${to}`,
		);
		sum += quantity(n);
		await page.keyboard.press("ArrowUp");
	}
	equal(
		sum,
		heat.cells.at(-1).reduce((all, [, m]) => all + m, 0),
		"all rows",
	);
	await plot.blur();
	await plot.focus(); // on the busiest
	await page.keyboard.press("Enter");
	await page.waitForURL(/#\/traces\?.*service=web/);
	const address = new URLSearchParams(page.url().split("?")[1]);
	check(
		Number(address.get("min")) > 0 && Number(address.get("to")) === t.at(-1) + step,
		`address ${address}`,
	);
});

test("numbers of the map", async (bench) => {
	const page = await bench.open("map");
	const { edges, nodes } = await bench.api("graph?window=300");
	const name = (id) => nodes.find((n) => n.id === id).name;

	await page.getByText("The same as a table").click();
	await until(
		async () => (await cells(page, "Who asks whom")).length === edges.length,
		"a row for each edge",
	);
	const rows = await cells(page, "Who asks whom");
	edges.forEach((e, i) => {
		equal(rows[i].slice(0, 2), [name(e.from), name(e.to)], "ends");
		["rate", "error_ratio", "p50", "p95"].forEach((field, at) =>
			shows(rows[i][at + 2], e[field], `${e.from} to ${e.to} ${field}`),
		);
	});
	equal(await page.locator("svg .edge").count(), edges.length, "edges that are drawn");
	equal(await page.locator("svg .node").count(), nodes.length, "nodes that are drawn");
	const drawn = await page
		.locator("svg .edge")
		.evaluateAll((all) =>
			all.map((e) => [
				e.querySelector("title").textContent,
				Number(e.querySelector(".way").getAttribute("stroke-width")),
				getComputedStyle(e.querySelector(".way")).strokeDasharray,
			]),
		);
	edges.forEach((e, i) => {
		shows(drawn[i][0], e.rate, "title of an edge");
		equal(drawn[i][2] === "none", !e.error_ratio, `dashes of ${e.from} to ${e.to}`);
		edges.forEach((f, j) =>
			check(!(e.rate > f.rate * 1.5) || drawn[i][1] >= drawn[j][1], "width is not by rate"),
		);
	});
	await page.locator("svg a.node").filter({ hasText: "orders" }).click();
	await page.waitForURL(/#\/service\?.*service=orders/);
});

test("the map is the same each time, and nodes do not overlap", async (bench) => {
	const places = async () => {
		const page = await bench.open("map");
		await page.locator("svg .node").first().waitFor();
		return page
			.locator("svg .node rect")
			.evaluateAll((all) =>
				all.map((r) => ["x", "y", "width", "height"].map((a) => Number(r.getAttribute(a)))),
			);
	};
	const first = await places();
	bench.mock.tick();
	equal(await places(), first, "places after a second more of traffic");
	first.forEach(([x, y, w, h], i) =>
		first
			.slice(i + 1)
			.forEach(([x2, y2]) =>
				check(Math.abs(x - x2) >= w || Math.abs(y - y2) >= h, "two nodes overlap"),
			),
	);
});

test("numbers of traces, and pages of them", async (bench) => {
	const page = await bench.open("traces");
	const shown = async (offset) => {
		const { traces, total } = await bench.api(`traces?offset=${offset}`);
		await page.getByText(`${offset + 1} to ${offset + traces.length} of ${total}`).waitFor();
		const rows = await cells(page, "Traces");
		equal(rows.length, traces.length, "rows");
		traces.forEach((t, i) => {
			equal(
				rows[i][3],
				new Date(Math.round(t.start * 1e6) / 1e3).toISOString().slice(11, 23),
				"begin",
			);
			shows(rows[i][1], t.duration, "duration");
			equal(rows[i][0], `${t.root.service} ${t.root.method} ${t.root.path}`, "request");
			equal(
				[quantity(rows[i][4]), quantity(rows[i][5])],
				[t.spans, t.errors],
				"spans and errors",
			);
			equal(rows[i][6], t.services.join(", "), "services");
		});
	};
	await shown(0);
	await page.getByRole("button", { name: "Next" }).click();
	await shown(50);
	await page.goBack();
	await shown(0);
});

test("search for traces", async (bench) => {
	const page = await bench.open("traces");
	const found = async (query) => {
		const { total } = await bench.api(`traces?${query}`);
		check(total > 0 && total < 237, `${query} finds ${total}: this test says nothing`);
		await page.getByText(`of ${total}.`).waitFor();
	};
	await page.getByLabel("Service", { exact: true }).fill("orders");
	await page.keyboard.press("Enter");
	await found("service=orders");
	await page.getByLabel("Errors only").check();
	await found("service=orders&status=error");
	await page.getByLabel("Service", { exact: true }).fill("");
	await page.getByLabel("At least").fill("100ms");
	await page.getByLabel("Errors only").uncheck();
	await found("min_duration=0.1");
	await page.getByLabel("Sort").selectOption("longest first");
	await page.waitForURL(/sort=duration/);
	await until(async () => {
		const times = (await cells(page, "Traces")).map((r) => quantity(r[1]));
		return times.length > 1 && times.every((v, i) => !i || v <= times[i - 1]);
	}, "the longest first");
	await page.getByLabel("At least").fill("soon");
	await page.keyboard.press("Enter");
	equal(
		await page.getByLabel("At least").evaluate((e) => e.validationMessage),
		"A time such as 250ms or 1.5s",
		"what is said of a bad time",
	);
	await page.getByLabel("At least").fill("");
	await page.getByLabel("Id, request id or path").fill(FAILED.slice(0, 12));
	await page.keyboard.press("Enter");
	await found(`q=${FAILED.slice(0, 12)}`);
});

test("a trace: its tree, phases and panel", async (bench) => {
	const page = await bench.open("trace?id=" + FAILED);
	const { spans } = await bench.api("traces/" + FAILED);
	const items = page.getByRole("treeitem");

	await items.first().waitFor();
	equal(
		await items.evaluateAll((all) => all.map((x) => x.getAttribute("aria-level"))),
		["1", "2", "3", "4", "4"],
		"levels",
	);
	const lengths = await page.locator(".length").allTextContents();
	spans.forEach((x, i) => shows(lengths[i], x.duration, "duration"));
	const [bars, parts] = await page
		.locator(".waterfall .bar")
		.evaluateAll((all) => [
			all.map((b) => b.getBoundingClientRect()).map((r) => [r.left, r.width]),
			all.map((b) => [...b.children].map((p) => p.getBoundingClientRect().width)),
		]);
	const scale = bars[0][1] / spans[0].duration;
	spans.forEach((x, i) => {
		check(
			Math.abs(bars[i][0] - bars[0][0] - (x.start - spans[0].start) * scale) < 2,
			`where bar ${i} begins`,
		);
		check(
			Math.abs(parts[i][0] - x.request_end * scale) < 2 &&
				Math.abs(parts[i][1] - (x.first_byte - x.request_end) * scale) < 2,
			`phases of bar ${i}`,
		);
	});
	await items.nth(2).click();
	const facts = await page
		.locator(".panel")
		.evaluate((p) =>
			Object.fromEntries(
				[...p.querySelectorAll("dt")].map((d) => [
					d.textContent,
					d.nextElementSibling.textContent,
				]),
			),
		);
	equal(
		[facts.Path, facts.Span, facts.Parent, facts["user-agent"], facts.Peer],
		[spans[2].path, spans[2].span_id, spans[2].parent_id, "curl/8.5.0", spans[2].peer],
		"facts",
	);
	shows(facts.wait, spans[2].first_byte - spans[2].request_end, "wait");
});

test("an incomplete trace says so", async (bench) => {
	const [{ trace_id: id }] = bench.mock.traces.filter((t) => !t.complete);
	const page = await bench.open("trace?id=" + id);

	await page.getByText("Incomplete:").waitFor();
	equal(await page.locator(".lost").count(), 1, "spans whose parent is not here");
});

test("numbers of health, losses first", async (bench) => {
	const page = await bench.open("health");
	const status = await bench.api("status");

	await page.getByText("Losses: 1 counter is above zero").waitFor();
	equal(
		(await cells(page, "Losses")).map((r) => r[1]),
		["hookrecvreasonring_full"],
		"losses",
	);
	equal((await cells(page, "What could not be probed or seen")).length, 2, "unseen");
	const tiles = await tilesOf(page, "The agent");
	shows(tiles.Memory, status.memory.rss_bytes, "memory");
	shows(tiles.History, status.history.bytes, "history");
	const rows = await cells(page, "All metrics");
	status.metrics.forEach((m, i) => {
		equal(rows[i][0], m.name, "name");
		shows(rows[i][2], m.value, m.name);
	});
	await page.locator("main .filter").fill("RING");
	await until(async () => (await cells(page, "All metrics")).length === 2, "those with ring");
	await page.locator("main .filter").fill("nothing such");
	await page.getByText("No metric has “nothing such” in it").waitFor();
});
