// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Against a real agent with traffic: every view loads without a complaint, and what a route's row
// shows as its total lies between what /metrics said before and after.

import { Skip, axe, cells, check, live, noOverflow, quantity, until } from "./harness.mjs";

const NAMES =
	/^(http|rpc)_(server|client)_(request|call)_duration_seconds_count\{(.*)\} ([\d.e+]+)/;
const unescape = (text) => text.replace(/\\(.)/g, (_, c) => (c === "n" ? "\n" : c));

const key = (r) =>
	JSON.stringify([
		r.service,
		r.namespace,
		r.kind,
		r.method === "_OVERFLOW" ? "_OVERFLOW" : (r.method ?? ""),
		r.route ?? "",
		r.peer ?? "",
	]);

// What a series of /metrics is called in /routes.
function identity(protocol, kind, text) {
	const labels = Object.fromEntries(
		[...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name, value]) => [
			name,
			unescape(value),
		]),
	);
	const host = labels.server_address?.includes(":")
		? `[${labels.server_address}]`
		: labels.server_address;
	const peer =
		kind === "client" && host
			? labels.server_port
				? `${host}:${labels.server_port}`
				: host
			: null;

	return {
		service: labels.service_name ?? "",
		namespace: labels.service_namespace ?? "",
		kind,
		peer,
		method: labels.otel_metric_overflow
			? "_OVERFLOW"
			: protocol === "http"
				? labels.http_request_method
				: null,
		route: protocol === "http" ? labels.http_route : labels.rpc_method,
	};
}

// Map(key, count)
async function metrics(bench) {
	const response = await fetch(bench.url + "metrics", {
		headers: bench.token ? { Authorization: `Bearer ${bench.token}` } : {},
	});
	const sums = new Map();

	for (const line of (await response.text()).split("\n")) {
		const [, protocol, kind, , labels, value] = NAMES.exec(line) ?? [];
		if (!protocol) continue;
		const name = key(identity(protocol, kind, labels));
		sums.set(name, (sums.get(name) ?? 0) + Number(value));
	}
	return sums;
}

async function allRoutes(bench) {
	const found = [];

	for (let offset = 0; ; offset += 1000) {
		const { routes, total } = await bench.api(`routes?limit=1000&offset=${offset}&sort=name`);
		found.push(...routes);
		if (found.length >= total || !routes.length) return found;
	}
}

async function open(bench, hash, options) {
	const page = await bench.open(hash, options);

	if (
		bench.token &&
		(await page
			.getByLabel("Token")
			.waitFor()
			.then(() => true))
	) {
		bench.allow(/status of 401/);
		await page.getByLabel("Token").fill(bench.token);
		await page.keyboard.press("Enter");
	}
	return page;
}

async function api(bench) {
	const before = await metrics(bench);
	const routes = await allRoutes(bench);
	const after = await metrics(bench);

	check(routes.length > 0, "no traffic: this test says nothing");
	for (const r of routes)
		check(
			r.total_count <= (after.get(key(r)) ?? 0),
			`${key(r)}: ${r.total_count} in the API, ${after.get(key(r))} in /metrics`,
		);
	// The history is told once a second, so it may be a second behind.
	await until(
		async () =>
			(await allRoutes(bench)).every((r) => r.total_count >= (before.get(key(r)) ?? 0)),
		"the API knows what /metrics said before",
	);
	const known = new Set((await allRoutes(bench)).map(key));
	for (const [name, count] of before)
		check(known.has(name) || count === 0, `${name} is in /metrics and not in the API`);
}

// The total of each route as the page shows it.
async function shown(bench) {
	const { services } = await bench.api("services?limit=20");
	let compared = 0;

	for (const { name, namespace, server } of services) {
		const kind = server ? "server" : "client";
		const before = await metrics(bench);
		const page = await open(
			bench,
			`service?${new URLSearchParams({ service: name, namespace, kind, limit: 1000, window: 900, sort: "name" })}`,
		);
		await page.locator("tbody tr").first().waitFor();
		const { routes } = await bench.api(
			`routes?${new URLSearchParams({ service: name, namespace, kind, limit: 1000, sort: "name" })}`,
		);
		const low = new Map(routes.map((r) => [key(r), before.get(key(r)) ?? 0]));
		await until(async () => {
			const rows = await cells(page, "Routes");
			return (
				rows.length === routes.length &&
				rows.every((row, i) => quantity(row[6]) >= low.get(key(routes[i])))
			);
		}, `the totals of ${name} reach those of /metrics before`);
		const rows = await cells(page, "Routes");
		const after = await metrics(bench);
		rows.forEach((row, i) =>
			check(
				quantity(row[6]) <= after.get(key(routes[i])),
				`${name} ${row[0]}: ${row[6]} on the page, ${after.get(key(routes[i]))} in /metrics`,
			),
		);
		compared += rows.length;
		await page.close();
	}
	check(compared > 0, "nothing was compared");
	console.log(`compared ${compared} routes of ${services.length} services with /metrics`);
}

async function view(bench, name, hash, sign, width, scheme) {
	const page = await open(bench, hash, { width, scheme });

	await page.locator(sign).first().waitFor();
	await bench.shot(page, `live-${name}-${scheme}-${width}`);
	await noOverflow(page);
	await axe(page);
}

async function addresses(bench) {
	const { services } = await bench.api("services?limit=1");
	const { traces } = await bench.api("traces?limit=1");

	if (!services.length) throw new Error("no traffic: this test says nothing");
	const { name, namespace } = services[0];
	return {
		services: ["services", "tbody tr"],
		service: [
			`service?${new URLSearchParams({ service: name, namespace })}`,
			".charts path.area",
		],
		map: ["map", "svg .node"],
		traces: ["traces", "tbody tr"],
		trace: traces.length ? ["trace?id=" + traces[0].trace_id, "[role=treeitem]"] : null,
		health: ["health", ".verdict"],
	};
}

export function liveCases(address, token) {
	const url = address.endsWith("/") ? address : address + "/";
	const prepared = (run) => (bench) => run(Object.assign(bench, { url, token }));
	const found = ["services", "service", "map", "traces", "trace", "health"].flatMap((name) =>
		[
			[1280, "light"],
			[400, "dark"],
		].map(([width, scheme]) => ({
			name: `live view ${name} ${scheme} ${width}`,
			mock: null,
			run: prepared(async (bench) => {
				const where = (await addresses(bench))[name];
				if (!where) throw new Skip("no trace is kept");
				await view(bench, name, ...where, width, scheme);
			}),
		})),
	);
	const events = async (bench) => {
		const page = await open(bench, "services");
		await live(page);
	};
	return [
		...found,
		{ name: "live numbers of the API and of /metrics", mock: null, run: prepared(api) },
		{ name: "live numbers of the page and of /metrics", mock: null, run: prepared(shown) },
		{ name: "live by events", mock: null, run: prepared(events) },
	];
}
