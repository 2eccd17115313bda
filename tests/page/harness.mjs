// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// A case is a name and a function; it gets a bench with a mock and pages that are watched: what a
// page logs, asks of others, or does against its policy fails the case, whatever else the case is
// about.

import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Mock } from "./mock.mjs";

const BUILD = join(dirname(fileURLToPath(import.meta.url)), "../../build/page");
const require = createRequire(BUILD + "/");
const { chromium } = require("playwright-core");
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const SHOTS = join(BUILD, "screenshots");
const TIMEOUT_MS = 15000;

export const cases = [];
export const test = (name, run, mock = {}) => cases.push({ name, run, mock });
export class Skip extends Error {}

let browser;

export async function openBrowser() {
	mkdirSync(SHOTS, { recursive: true });
	browser = await chromium.launch({
		executablePath: "/usr/bin/chromium",
		args: process.getuid() === 0 ? ["--no-sandbox"] : [],
	});
}

export const close = () => browser.close();

export async function runCase({ name, run, mock }) {
	const bench = new Bench(name, mock);

	try {
		await bench.begin();
		await run(bench);
		await bench.judge();
		console.log(`ok ${name}`);
		return "ok";
	} catch (e) {
		const verdict = e instanceof Skip ? "SKIP" : "FAIL";
		console.log(`${verdict} ${name}: ${String(e.message).split("\n").slice(0, 6).join(" | ")}`);
		if (verdict === "FAIL") await bench.evidence();
		return verdict;
	} finally {
		await bench.end();
	}
}

export function equal(got, wanted, what) {
	if (JSON.stringify(got) !== JSON.stringify(wanted))
		throw new Error(`${what}: got ${JSON.stringify(got)}, wanted ${JSON.stringify(wanted)}`);
}

export function check(condition, what) {
	if (!condition) throw new Error(what);
}

// Asks until it is so; events of the page make it so, and nothing here says when.
export async function until(question, what) {
	const end = Date.now() + TIMEOUT_MS;
	let last;

	while (Date.now() < end) {
		try {
			if (await question()) return;
		} catch (e) {
			last = e;
		}
		await new Promise((done) => setTimeout(done, 20));
	}
	throw new Error(
		`not within ${TIMEOUT_MS / 1000} s: ${what}${last ? ` (${last.message})` : ""}`,
	);
}

class Bench {
	constructor(name, mock) {
		Object.assign(this, { name, options: mock, contexts: [], seen: [], allowed: [] });
	}

	async begin() {
		if (this.options) this.mock = await new Mock(this.options).start();
		this.url = this.mock?.url;
	}

	async end() {
		await Promise.all(this.contexts.map((c) => c.close()));
		await this.mock?.stop().catch(() => {});
	}

	// What the console may say in this case: the browser reports each refused request there.
	allow(...patterns) {
		this.allowed.push(...patterns);
	}

	async context({ width = 1280, scheme = "light", motion = "no-preference" } = {}) {
		const context = await browser.newContext({
			viewport: { width, height: 900 },
			colorScheme: scheme,
			reducedMotion: motion,
			timezoneId: "UTC",
			locale: "en-US",
		});

		context.setDefaultTimeout(TIMEOUT_MS);
		await context.addInitScript(() => {
			window.violations = [];
			document.addEventListener("securitypolicyviolation", (e) =>
				window.violations.push(`${e.violatedDirective} ${e.blockedURI} ${e.sample}`),
			);
		});
		this.contexts.push(context);
		return context;
	}

	// hash: "services?window=60"; null: only /
	async open(hash, options = {}) {
		const context = options.context ?? (await this.context(options));
		const page = await context.newPage();

		this.watch(page);
		await page.goto(this.url + (hash === null ? "" : "#/" + hash));
		return page;
	}

	watch(page) {
		const origin = new URL(this.url).origin;

		page.on(
			"console",
			(m) =>
				["error", "warning"].includes(m.type()) &&
				this.seen.push(`console ${m.type()}: ${m.text()}`),
		);
		page.on("pageerror", (e) => this.seen.push(`error: ${e.message}`));
		page.on(
			"request",
			(r) =>
				/^https?:/.test(r.url()) &&
				new URL(r.url()).origin !== origin &&
				this.seen.push(`asked ${r.url()}`),
		);
		page.on("dialog", (d) => {
			this.seen.push(`dialog: ${d.message()}`);
			d.dismiss();
		});
	}

	async judge() {
		for (const page of this.contexts.flatMap((c) => c.pages())) {
			const [violations, pwned] = await page.evaluate(() => [
				window.violations ?? [],
				window.pwned,
			]);
			violations.forEach((v) => this.seen.push(`policy: ${v}`));
			if (pwned !== undefined) this.seen.push("captured text was executed");
		}
		const bad = this.seen.filter((text) => !this.allowed.some((p) => p.test(text)));
		check(!bad.length, bad.slice(0, 4).join("; "));
	}

	async shot(page, name) {
		await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
	}

	async evidence() {
		const pages = this.contexts.flatMap((c) => c.pages());
		for (const [i, page] of pages.entries())
			await this.shot(page, `failed-${this.name.replace(/\W+/g, "-")}-${i}`).catch(() => {});
	}

	// The mock's own answer.
	async api(path) {
		const response = await fetch(`${this.url}api/v1/${path}`, {
			headers:
				this.mock?.token || this.token
					? { Authorization: `Bearer ${this.mock?.token ?? this.token}` }
					: {},
		});
		return response.json();
	}
}

// ---- what is looked at on pages ----

export async function axe(page) {
	await page.evaluate(AXE);
	const { violations } = await page.evaluate(() =>
		window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }),
	);
	const words = violations.map(
		(v) =>
			`${v.id}: ${v.nodes
				.slice(0, 2)
				.map((n) => n.html.slice(0, 120) + " " + (n.any[0]?.message ?? ""))
				.join(" ")}`,
	);

	check(!violations.length, `axe: ${words.join("; ")}`);
}

export async function noOverflow(page) {
	const [wide, window] = await page.evaluate(() => [
		document.documentElement.scrollWidth,
		window.innerWidth,
	]);
	check(wide <= window, `the page is ${wide} px wide in a window of ${window}`);
}

const UNITS = {
	µs: 1e-6,
	ms: 1e-3,
	s: 1,
	"%": 0.01,
	"req/s": 1,
	req: 1,
	B: 1,
	KiB: 1024,
	MiB: 1048576,
	GiB: 1073741824,
};

// What a number with its unit says; null for a dash. Independent of the page's own formatting.
export function quantity(text) {
	const match = /(-?[\d,]+(?:\.\d+)?)[\s\u202f]*(µs|ms|s|%|req\/s|req|[KMG]iB|B)?(?![\w/])/.exec(
		text,
	);
	return match ? Number(match[1].replaceAll(",", "")) * (UNITS[match[2]] ?? 1) : null;
}

// Rounded, so within half of the last digit that is shown; of which there are at least two.
export function shows(text, value, what) {
	const got = quantity(text);
	const digits = /[\d,]+(\.\d+)?/.exec(text);
	const last =
		got === null
			? 0
			: 10 ** -(digits[1]?.length - 1 || 0) * (quantity(text.replace(digits[0], "1")) ?? 1);
	const near =
		got !== null &&
		Math.abs(got - value) <= last * 0.5001 &&
		(Number.isInteger(value) || last <= Math.abs(value) * 0.1);

	check(value === null ? got === null : near, `${what}: "${text}" is shown for ${value}`);
}

export const live = (page) => page.locator(".led.live").waitFor();

// Texts of the cells of a table's body.
export const cells = (page, label) =>
	page
		.locator(`[role=region][aria-label="${label}"] tbody tr`)
		.evaluateAll((rows) => rows.map((r) => [...r.children].map((c) => c.textContent)));

export const tilesOf = (page, label) =>
	page
		.locator(`dl[aria-label="${label}"] > div`)
		.evaluateAll((all) =>
			Object.fromEntries(
				all.map((d) => [
					d.querySelector("dt").textContent,
					d.querySelector("b").textContent,
				]),
			),
		);
