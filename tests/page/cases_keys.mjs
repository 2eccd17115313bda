// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Without a mouse; and the address as the only state.

import { cells, check, equal, live, test, tilesOf, until } from "./harness.mjs";
import { FAILED, ORDERS } from "./cases_views.mjs";

const focused = (page) =>
	page.evaluate(
		() =>
			document.activeElement.getAttribute("aria-label") || document.activeElement.textContent,
	);

test("keyboard walk", async (bench) => {
	const page = await bench.open("services");
	await page.locator("table.data tbody tr").first().waitFor();
	const order = [];
	const outlines = [];

	for (let i = 0; i < 24; i++) {
		await page.keyboard.press("Tab");
		order.push(await focused(page));
		outlines.push(
			await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle),
		);
	}
	equal(
		order.slice(0, 6),
		["Skip to the content", "redeye", "Services", "Map", "Traces", "Health"],
		"the first stops",
	);
	check(
		outlines.every((o) => o === "solid"),
		`a stop without a visible focus: ${order[outlines.findIndex((o) => o !== "solid")]}`,
	);
	for (const name of ["5 m", "Theme: auto", "Filter services", "web"])
		check(
			order.some((t) => t?.includes(name) || name === t),
			`${name} is not reached: ${order}`,
		);
});

test("skip link and slash", async (bench) => {
	const page = await bench.open("services?window=300");
	await page.locator("table.data tbody tr").first().waitFor();

	await page.keyboard.press("Tab");
	await page.keyboard.press("Enter");
	equal(await page.evaluate(() => document.activeElement.id), "main", "after the skip link");
	check(page.url().endsWith("#/services?window=300"), "the address is no more the view's");
	await page.keyboard.press("/");
	await page.keyboard.type("sto/");
	equal(await page.locator("main .filter").inputValue(), "sto/", "what was typed after /");
	await page.keyboard.press("Backspace");
	await until(
		async () => (await cells(page, "Services")).length === 1,
		"the service of that name",
	);
	check(page.url().includes("q=sto"), "the filter is not in the address");
});

test("a filter is typed while numbers change", async (bench) => {
	const page = await bench.open("services");
	await live(page);

	await page.locator("main .filter").focus();
	for (const letter of "shop") {
		await page.keyboard.type(letter);
		bench.mock.tick();
	}
	await until(async () => (await cells(page, "Services")).length === 1, "one row");
	equal(await page.locator("main .filter").inputValue(), "shop", "the filter");
	equal(await page.evaluate(() => document.activeElement.className), "filter", "focus");
});

test("focus stays on a row that moves", async (bench) => {
	const page = await bench.open("services?sort=name&order=desc");
	await live(page);

	await page.getByRole("link", { name: "orders", exact: true }).focus();
	await page.evaluate(() => (location.hash = "#/services?sort=name&order=asc"));
	await until(async () => (await cells(page, "Services"))[0][0] === "cron", "the other order");
	equal(await focused(page), "orders", "focus");
});

test("sort by headers", async (bench) => {
	const page = await bench.open("services");
	const names = async () => (await cells(page, "Services")).map((r) => r[0]);
	await page.locator("table.data tbody tr").first().waitFor();

	equal(await page.locator("th[aria-sort=descending]").textContent(), "Rate▼", "sorted by");
	await page.getByRole("button", { name: "Errors" }).click();
	await page.waitForURL(/sort=errors&order=desc/);
	await until(async () => (await names())[0] === "orders", "the one with most errors first");
	await page.getByRole("button", { name: "Errors" }).click();
	await until(async () => (await names()).at(-1) === "orders", "last");
	equal(await page.locator("th[aria-sort=ascending]").textContent(), "Errors▲", "sorted by");
	await page.goBack();
	await until(async () => (await names())[0] === "orders", "first again, by the back button");
	await page.getByRole("button", { name: "Service", exact: true }).click();
	await until(async () => (await names())[0] === "cron", "by name");
});

test("charts by arrow keys", async (bench) => {
	const page = await bench.open(ORDERS);
	const plot = page.getByRole("slider", { name: "Errors" });
	const at = () => plot.getAttribute("aria-valuenow");
	await page.locator(".charts path.line").first().waitFor();

	await page.getByRole("slider", { name: "Requests", exact: true }).focus();
	await page.keyboard.press("Tab");
	equal(await at(), await plot.getAttribute("aria-valuemax"), "at first the newest");
	await page.keyboard.press("ArrowLeft");
	await page.keyboard.press("ArrowLeft");
	equal(Number(await at()), Number(await plot.getAttribute("aria-valuemax")) - 2, "two back");
	check(
		/^\d\d:\d\d:\d\d.*errors \S+\s%$/u.test(await plot.getAttribute("aria-valuetext")),
		await plot.getAttribute("aria-valuetext"),
	);
	check(await plot.locator(".tip").isVisible(), "no tooltip");
	await page.keyboard.press("Enter");
	await page.waitForURL(/#\/traces\?.*status=error/);
	await page.goBack();
	await page.locator(".charts path.line").first().waitFor();
});

test("a waterfall by arrow keys; its selection is in the address", async (bench) => {
	const page = await bench.open("trace?id=" + FAILED);
	const selected = () =>
		page.locator("[role=treeitem][aria-selected=true]").getAttribute("data-key");
	await page.getByRole("treeitem").first().waitFor();

	await page.getByRole("treeitem").first().focus();
	for (const [key, row] of [
		["ArrowDown", 1],
		["ArrowDown", 2],
		["ArrowUp", 1],
		["End", 4],
		["ArrowLeft", 2],
		["ArrowRight", 3],
		["Home", 0],
		["ArrowUp", 0],
		["ArrowRight", 1],
	]) {
		await page.keyboard.press(key);
		check(
			(await selected()).startsWith(`${row} `),
			`${key}: ${await selected()}, not row ${row}`,
		);
		equal(
			await page.evaluate(() => document.activeElement.getAttribute("data-key")),
			await selected(),
			"focus",
		);
	}
	const copy = await bench.open(page.url().split("#/")[1]);
	await copy.getByRole("treeitem").first().waitFor();
	equal(
		await copy.locator("[aria-selected=true]").getAttribute("data-key"),
		await selected(),
		"selection of a shared link",
	);
	equal(
		await copy.locator(".panel").innerText(),
		await page.locator(".panel").innerText(),
		"panel of a shared link",
	);
});

test("copied link", async (bench) => {
	const context = await bench.context();
	await context.grantPermissions(["clipboard-read", "clipboard-write"]);
	const page = await bench.open("trace?id=" + FAILED, { context });

	await page.getByRole("button", { name: "Copy link" }).click();
	await until(
		async () => (await page.locator("#announce").textContent()) === "Copied",
		"word of it",
	);
	equal(await page.evaluate(() => navigator.clipboard.readText()), page.url(), "clipboard");
});

test("back, forward and links", async (bench) => {
	const page = await bench.open("services?window=300");
	const heading = (text) => page.getByRole("heading", { level: 1, name: text }).waitFor();

	await page.getByRole("link", { name: "orders", exact: true }).click();
	await heading("orders");
	check(page.url().includes("window=300"), "the window is not taken along");
	await page.getByRole("link", { name: "Asks" }).click();
	await page
		.getByRole("link", { name: "stock.v1.Stock/Reserve → stock.example:9000", exact: true })
		.click();
	await page.locator(".chip").waitFor();
	await page.getByRole("link", { name: "Its traces" }).click();
	await heading("Traces");
	equal(await page.evaluate(() => document.activeElement.id), "main", "focus in a new view");
	for (const sign of ["orders", "orders", "orders", "Services"]) {
		await page.goBack();
		await heading(sign);
	}
	await page.goForward();
	await heading("orders");
	equal(await page.locator(".chip").count(), 0, "not drilled down yet");
	await page.getByRole("link", { name: "Services", exact: true }).first().click();
	await heading("Services");
});

test("a pause is in the address, and stays what it was", async (bench) => {
	const page = await bench.open("services");
	await live(page);
	await page.locator("table.data tbody tr").first().waitFor();

	await page.getByRole("button", { name: /Live/ }).click();
	await page.waitForURL(/end=\d+/);
	await page.getByRole("button", { name: /Resume/ }).waitFor();
	const before = (await cells(page, "Services")).map((r) => r.slice(0, 6));
	for (let i = 0; i < 30; i++) bench.mock.tick();
	const copy = await bench.open(page.url().split("#/")[1]);
	await until(
		async () => (await cells(copy, "Services")).length === before.length,
		"rows of a shared link",
	);
	equal(
		(await cells(copy, "Services")).map((r) => r.slice(0, 6)),
		before,
		"numbers of a shared link",
	);
	await copy.getByRole("button", { name: /Resume/ }).click();
	await live(copy);
	await until(
		async () =>
			JSON.stringify((await cells(copy, "Services")).map((r) => r.slice(0, 6))) !==
			JSON.stringify(before),
		"newer numbers",
	);
});

test("live by events", async (bench) => {
	const page = await bench.open("services");
	await live(page);

	for (let i = 0; i < 3; i++) {
		bench.mock.tick();
		const { services } = await bench.api("services?window=60");
		await until(
			async () =>
				(await cells(page, "Services")).every(
					(r, at) =>
						r[6] === (services[at].server ? String(services[at].in_flight) : "–"),
				),
			"what is in flight now",
		);
		const one = await bench.api("series?kind=server&window=60&points=1");
		await until(
			async () =>
				Math.abs(
					parseFloat((await tilesOf(page, "All services together")).Served) - one.rate[0],
				) < 1,
			"the rate now",
		);
	}
});

test("live by polling, when there are no events", async (bench) => {
	bench.allow(/status of 503/);
	bench.mock.events = false;
	const page = await bench.open("services?window=60");

	await page.locator(".led.polling").waitFor();
	const before = (await cells(page, "Services")).map((r) => r[1]);
	for (let i = 0; i < 40; i++) bench.mock.tick();
	await until(
		async () =>
			JSON.stringify((await cells(page, "Services")).map((r) => r[1])) !==
			JSON.stringify(before),
		"newer numbers",
	);
});

test("what has not changed is not sent again", async (bench) => {
	let unchanged = 0;
	const page = await bench.open("health");

	page.on("response", (r) => r.status() === 304 && unchanged++);
	await until(() => unchanged > 0, "an answer 304");
	equal(await page.locator(".verdict").count(), 1, "verdicts");
});
