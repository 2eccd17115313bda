// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Each view in both themes and at both widths: nothing in the console, nothing asked of others, no
// word from the policy, axe content, no wider than the window.

import { axe, check, equal, live, noOverflow, test, until } from "./harness.mjs";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { traces } from "./spans.mjs";

export const FAILED = traces("normal").find(
	(t) => t.complete && t.spans.length === 5 && t.spans[0].error,
).trace_id;
export const ORDERS = "service?service=orders&namespace=&window=300";

const PAGE = join(dirname(fileURLToPath(import.meta.url)), "../../exporters/page");
const VIEWS = [
	["services", "services?window=60", "table.data tbody tr", "Services · redeye on n1"],
	["service", ORDERS, ".charts path.area", "orders · redeye on n1"],
	[
		"route",
		ORDERS + "&kind=server&protocol=http&method=POST&route=%2Forders",
		".chip",
		"orders · redeye on n1",
	],
	["client", ORDERS + "&kind=client", "table.data tbody tr", "orders · redeye on n1"],
	["map", "map", "svg .node", "Map · redeye on n1"],
	["traces", "traces?status=error", "table.data tbody tr", "Traces · redeye on n1"],
	[
		"trace",
		"trace?id=" + FAILED,
		"[role=treeitem]",
		`Trace ${FAILED.slice(0, 8)}… · redeye on n1`,
	],
	["health", "health", ".verdict", "Health · redeye on n1"],
];

for (const [name, hash, sign, title] of VIEWS)
	for (const scheme of ["light", "dark"])
		for (const width of [1280, 400])
			test(`view ${name} ${scheme} ${width}`, async (bench) => {
				const page = await bench.open(hash, { scheme, width });

				await page.locator(sign).first().waitFor();
				await bench.shot(page, `${name}-${scheme}-${width}`);
				equal(await page.title(), title, "title");
				equal(await page.locator("h1").count(), 1, "headings of the first level");
				await noOverflow(page);
				if (name === "map") await page.getByText("The same as a table").click();
				await axe(page);
			});

test("themes differ and can be chosen", async (bench) => {
	const page = await bench.open("services", { scheme: "light" });
	const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
	const light = await ground();

	await page.getByRole("button", { name: "Theme: auto" }).click();
	equal(await ground(), light, "chosen light");
	await page.getByRole("button", { name: "Theme: light" }).click();
	const dark = await ground();
	check(dark !== light, "dark is as light as light");
	await page.reload();
	await page.getByRole("button", { name: "Theme: dark" }).waitFor();
	equal(await ground(), dark, "after a reload");
});

test("nothing moves when the reader wants it so", async (bench) => {
	const moving = async (motion) => {
		const page = await bench.open("services", { motion });
		await live(page);
		return page.evaluate(() => document.getAnimations().length);
	};
	check((await moving("no-preference")) > 0, "nothing ever moves: this test says nothing");
	equal(await moving("reduce"), 0, "animations");
});

test("all of it is small, and only what is needed is there", async () => {
	const files = readdirSync(PAGE);
	const size = files.reduce((sum, f) => sum + statSync(join(PAGE, f)).size, 0);

	check(
		files.every((f) => /^[a-z_]+\.(html|css|js|svg)$/.test(f)),
		`names: ${files}`,
	);
	check(size < 140000, `${size} bytes`);
});

test(
	"500 services, 5,000 routes",
	async (bench) => {
		const page = await bench.open("services");

		await until(
			async () => (await page.locator("table.data tbody tr").count()) === 100,
			"the first 100",
		);
		await noOverflow(page);
		await page.getByRole("button", { name: "Show 200" }).click();
		await until(async () => (await page.locator("table.data tbody tr").count()) === 200, "200");
		await page.locator("main .filter").fill("service-49");
		await until(
			async () => (await page.locator("table.data tbody tr").count()) === 10,
			"ten of that name",
		);
		await page.goto(bench.url + "#/map");
		await page.getByText("The 40 busiest of 501").waitFor();
		await bench.shot(page, "map-many");
		await page.locator("main .filter").fill("service-007");
		await until(
			async () =>
				(await page.locator(".node.service").count()) > 1 &&
				(await page.getByText("busiest").count()) === 0,
			"it and those around it",
		);
	},
	{ mode: "many" },
);

test("without a status and without an error it is no error", async () => {
	const source = readFileSync(join(PAGE, "format.js"));
	const { statusKind } = await import("data:text/javascript;base64," + source.toString("base64"));

	equal(statusKind(null, null), "", "a call of Connect that went well");
	equal(statusKind(null, "connection_reset"), "error", "no answer");
	equal(statusKind("OK", null), "", "OK");
	equal(statusKind("NOT_FOUND", null), "", "what a server does not count as an error");
	equal(statusKind("INTERNAL", "INTERNAL"), "error", "INTERNAL");
	equal(statusKind("404", "404"), "c4xx", "404");
});
