// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Every captured text is an attempt. It is to be seen as what it is, and to do nothing.

import { axe, check, equal, noOverflow, test, until } from "./harness.mjs";
import { HOSTILE_TEXTS } from "./model.mjs";
import { traces } from "./spans.mjs";

const INVISIBLE =
	/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/;
const link = (view, values) => `${view}?${new URLSearchParams(values)}`;

// Nothing of it has become an element or a link elsewhere, and nothing unseen is left in the text.
async function harmless(page) {
	const found = await page.evaluate(() => ({
		elements: document.querySelectorAll(
			"main :is(img, script, iframe, object, b b, svg svg), header img, footer img",
		).length,
		links: [...document.querySelectorAll("a")]
			.map((a) => a.getAttribute("href"))
			.filter((a) => !/^#(\/|main$)/.test(a)),
		styled: document.querySelectorAll("main [onload], main [onerror], main [onmouseover]")
			.length,
		text:
			document.body.textContent +
			document.title +
			[...document.querySelectorAll("[title], [aria-label]")]
				.map((e) => e.title + e.getAttribute("aria-label"))
				.join(""),
	}));
	equal([found.elements, found.links, found.styled], [0, [], 0], "what captured text has become");
	const bad = INVISIBLE.exec(found.text.replaceAll("\u202f", " "));
	check(
		!bad,
		`U+${bad?.[0].codePointAt(0).toString(16)} is in the page: ${JSON.stringify(found.text.slice(Math.max(0, bad?.index - 30), bad?.index + 10))}`,
	);
}

async function look(bench, hash, sign, width = 1280) {
	const page = await bench.open(hash, { width });

	await page.locator(sign).first().waitFor();
	await harmless(page);
	await noOverflow(page);
	return page;
}

test(
	"hostile: services",
	async (bench) => {
		const page = await look(bench, "services", "tbody tr");
		const names = await page.locator("tbody th a").allTextContents();

		equal(names.length, HOSTILE_TEXTS.length, "rows");
		for (const text of HOSTILE_TEXTS.filter(
			(t) => t.length < 200 && !INVISIBLE.test(t) && !/[\t\n]/.test(t),
		))
			check(names.includes(text), `${text} is not shown as it is`);
		check(names.includes("\\u{202e}exe.gnp\\u{202d} abc"), "an override is not made visible");
		check(
			names.includes("\\u{1b}[31mred\\u{1b}]0;title\\u{7}"),
			"an escape is not made visible",
		);
		check(
			names.every((n) => n.length < 320),
			"a long name is not cut",
		);
		await bench.shot(page, "hostile-services");
		await axe(page);
	},
	{ mode: "hostile" },
);

HOSTILE_TEXTS.forEach((text, i) =>
	test(
		`hostile: service ${i}`,
		async (bench) => {
			const page = await look(
				bench,
				link("service", { service: text, namespace: text }),
				".charts path.area",
				i % 2 ? 400 : 1280,
			);

			await page.locator("tbody th a").first().click();
			await page.locator(".chip").waitFor();
			await harmless(page);
			await page.getByRole("link", { name: "Asks" }).click();
			await page.locator("tbody tr").first().waitFor();
			await harmless(page);
		},
		{ mode: "hostile" },
	),
);

test(
	"hostile: map",
	async (bench) => {
		const page = await look(bench, "map", "svg .node");
		await page.getByText("The same as a table").click();
		await harmless(page);
		await axe(page);
		await look(bench, "map", "svg .node", 400);
	},
	{ mode: "hostile" },
);

test(
	"hostile: traces",
	async (bench) => {
		const page = await look(bench, "traces", "tbody tr");
		await bench.shot(page, "hostile-traces");
		await axe(page);
		await look(bench, "traces", "tbody tr", 400);
	},
	{ mode: "hostile" },
);

traces("hostile")
	.slice(0, HOSTILE_TEXTS.length)
	.forEach(({ trace_id: id }, i) =>
		test(
			`hostile: trace ${i}`,
			async (bench) => {
				const page = await look(
					bench,
					"trace?id=" + id,
					"[role=treeitem]",
					i % 2 ? 400 : 1280,
				);

				await page.getByRole("treeitem").nth(1).click();
				await until(
					async () =>
						(
							await page.locator("[aria-selected=true]").getAttribute("data-key")
						).startsWith("1 "),
					"the second span",
				);
				await harmless(page);
				if (i < 2) await bench.shot(page, `hostile-trace-${i}`);
			},
			{ mode: "hostile" },
		),
	);

test(
	"hostile: health",
	async (bench) => {
		await look(bench, "health", ".verdict");
		await look(bench, "health", ".verdict", 400);
	},
	{ mode: "hostile" },
);

test(
	"hostile: addresses",
	async (bench) => {
		bench.allow(/status of 40[04]/);
		for (const text of HOSTILE_TEXTS) {
			const page = await bench.open(
				link("services", { q: text, window: text, sort: text, end: text }),
			);
			await page.locator("main h2, main table").first().waitFor();
			await harmless(page);
			await page.goto(
				bench.url + "#/" + link("trace", { id: text.slice(0, 100), span: text }),
			);
			await page.getByText("This trace is not here").waitFor();
			await harmless(page);
			await page.close();
		}
	},
	{ mode: "hostile" },
);

test("the policy would have stopped it", async (bench) => {
	bench.allow(
		/policy: require-trusted-types-for/,
		/console error:.*(TrustedHTML|Content Security Policy)/,
	);
	const page = await bench.open("services");
	const refused = await page.evaluate(() => {
		try {
			document.body.innerHTML = "<img src=x onerror='window.pwned=1'>";
			return false;
		} catch (e) {
			return e.name;
		}
	});
	equal(refused, "TypeError", "an assignment of markup");
});
