// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// When there is nothing to show, or nobody to ask.

import { axe, cells, check, equal, live, noOverflow, test, until } from "./harness.mjs";
import { Refusal } from "./mock_api.mjs";

const say = (page, text) => page.getByRole("heading", { name: text }).waitFor();

for (const [view, width] of [
	["services", 1280],
	["map", 400],
	["traces", 400],
	["services", 400],
])
	test(
		`nothing seen yet: ${view} ${width}`,
		async (bench) => {
			const page = await bench.open(view, {
				width,
				scheme: width === 400 ? "dark" : "light",
			});

			await say(page, "No request seen yet");
			await page.getByText("curl http://127.0.0.1:8080/").waitFor();
			check(
				(await page.locator(".empty").innerText()).includes("--port 8080"),
				"what is watched",
			);
			await bench.shot(page, `empty-${view}-${width}`);
			await noOverflow(page);
			await axe(page);
			if (view === "services") {
				bench.mock.change("normal");
				bench.mock.tick();
				await until(
					async () => (await cells(page, "Services")).length > 0,
					"what came then",
				);
			}
		},
		{ mode: "empty" },
	);

test(
	"nothing lost",
	async (bench) => {
		const page = await bench.open("health");
		await say(page, "Nothing was lost");
		await axe(page);
	},
	{ mode: "empty" },
);

test(
	"history off",
	async (bench) => {
		const page = await bench.open("services");
		const others = () => bench.mock.asked.filter((u) => !u.includes("/status"));

		for (const view of ["services", "map", "traces", "trace?id=00"]) {
			await page.goto(`${bench.url}#/${view}`);
			await say(page, "The history is off");
			check((await page.locator(".empty").innerText()).includes("--history-limit 0"), "why");
		}
		await bench.shot(page, "history-off");
		await axe(page);
		equal(
			others().filter((u) => !u.includes("limit=200") && !u.includes("events")),
			[],
			"requests that cannot be answered",
		);
		await page.goto(`${bench.url}#/health`);
		await page.getByText("--history-limit 0").waitFor();
		bench.allow(/status of 404/);
	},
	{ mode: "off" },
);

test("a filter that matches nothing", async (bench) => {
	const page = await bench.open("services?q=zzz");

	await say(page, "No service has “zzz” in its name");
	await page.getByRole("button", { name: "Take the filter off" }).click();
	await until(async () => (await cells(page, "Services")).length === 6, "all again");
	await page.goto(`${bench.url}#/map?q=zzz`);
	await say(page, "Nothing on the map has “zzz” in its name");
	await page.goto(`${bench.url}#/service?service=orders&namespace=&q=zzz`);
	await say(page, "No route has “zzz” in its name");
	await page.goto(`${bench.url}#/traces?service=zzz&offset=50`);
	await say(page, "No trace matches");
	await page.getByRole("button", { name: "Take all filters off" }).click();
	await page.getByText("1 to 50 of 237.").waitFor();
});

test("what is not there", async (bench) => {
	bench.allow(/status of 404/);
	const page = await bench.open("trace?id=deadbeef");

	await say(page, "This trace is not here");
	await axe(page);
	await page.goto(`${bench.url}#/service?service=nobody&namespace=`);
	await say(page, "No such service");
	for (const view of ["constructor", "nonsense", "__proto__", "toString"]) {
		await page.goto(`${bench.url}#/services`);
		await until(async () => (await cells(page, "Services")).length === 6, "services");
		await page.goto(`${bench.url}#/${view}`);
		await say(page, "There is no such view");
	}
	await axe(page);
});

test("a trace that is too long to be answered", async (bench) => {
	bench.allow(/status of 413/);
	bench.mock.trace = () => {
		throw new Refusal(413, "the answer would be longer than 8388608 bytes");
	};
	const page = await bench.open("trace?id=00");

	await say(page, "That did not work");
	check((await page.locator(".problem").innerText()).includes("longer than 8388608"), "why");
	equal(await page.locator("#banner").innerText(), "", "nobody says that redeye does not answer");
});

test(
	"a token is asked for, kept in the tab, and forgotten",
	async (bench) => {
		bench.allow(/status of 401/);
		const page = await bench.open("services?window=300", { width: 400 });

		await say(page, "This redeye wants a token");
		await bench.shot(page, "token");
		await axe(page);
		await page.getByLabel("Token").fill("wrong");
		await page.getByRole("button", { name: "Use it" }).click();
		await page.getByText("The token that was given is not the one.").waitFor();
		await page.getByLabel("Token").fill("s3cret");
		await page.keyboard.press("Enter");
		await until(async () => (await cells(page, "Services")).length === 6, "services");
		await live(page);
		check(!page.url().includes("s3cret"), "the token is in the address");
		equal(
			await page.evaluate(() => [
				JSON.stringify(localStorage).includes("s3cret"),
				document.cookie,
				sessionStorage.length,
			]),
			[false, "", 1],
			"where the token is",
		);
		check(
			bench.mock.asked.every((u) => !u.includes("s3cret")),
			"the token is in a request's address",
		);
		await page.reload();
		await until(
			async () => (await cells(page, "Services")).length === 6,
			"services after a reload",
		);
		await page.getByRole("button", { name: "Forget the token" }).click();
		await say(page, "This redeye wants a token");
		equal(await page.evaluate(() => sessionStorage.length), 0, "what is left of it");
	},
	{ token: "s3cret" },
);

test("what the agent says of a bad address is told", async (bench) => {
	bench.allow(/status of 400/);
	const page = await bench.open("services?sort=taste");

	await page.getByText("bad value 'taste' for sort").waitFor();
	await page.getByRole("link", { name: "Start this view anew" }).click();
	await until(async () => (await cells(page, "Services")).length === 6, "services");
});

test("an agent too busy to count itself", async (bench) => {
	const context = await bench.context();

	const busy = { ...(await bench.api("status")), metrics: null, processes: null };

	await context.route("**/api/v1/status", (route) => route.fulfill({ json: busy }));
	const page = await bench.open("health", { context });
	await say(page, "redeye is too busy to say what was lost");
	await axe(page);
});

test("a refusal is told", async (bench) => {
	bench.allow(/status of 403/);
	const context = await bench.context();

	await context.route("**/api/v1/**", (route) =>
		route.fulfill({
			status: 403,
			contentType: "application/json",
			body: JSON.stringify({
				error: "only this machine may ask without --listen-token-file",
			}),
		}),
	);
	const page = await bench.open("services", { context });
	await say(page, "redeye refused to answer");
	await page.getByText("only this machine may ask without --listen-token-file").waitFor();
	await axe(page);
});

for (const scheme of ["light", "dark"])
	test(`the agent goes and comes back, ${scheme}`, async (bench) => {
		bench.allow(
			/ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET|ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION_CLOSED/,
		);
		const page = await bench.open("services", { width: 400, scheme });
		await live(page);
		const before = (await cells(page, "Services")).length;

		await bench.mock.stop();
		await page.getByText(/redeye does not answer since \d\d:\d\d:\d\d/).waitFor();
		await page.getByText(/Next try in \d+\ss/).waitFor();
		equal((await cells(page, "Services")).length, before, "rows from before");
		await bench.shot(page, `away-${scheme}`);
		await noOverflow(page);
		await bench.mock.start();
		await page.getByText("does not answer").waitFor({ state: "detached" });
		await live(page);
		equal(
			await page.locator("#announce").textContent(),
			"redeye answers again",
			"what is said",
		);
		bench.mock.tick();
		await until(async () => (await cells(page, "Services")).length === before, "rows");
	});

test("the banner is readable", async (bench) => {
	bench.allow(/ERR_FAILED|net::/);
	for (const scheme of ["light", "dark"]) {
		const context = await bench.context({ scheme });
		const page = await bench.open("services", { context });
		await page.locator("table.data tbody tr").first().waitFor();
		await context.route("**/api/v1/**", (route) => route.abort());
		await page.getByRole("button", { name: "15 m" }).click();
		await page.getByRole("button", { name: "Try now" }).waitFor();
		await page.evaluate(() => (document.querySelector("main").hidden = true)); // stale on purpose, and so pale
		await axe(page);
	}
});
