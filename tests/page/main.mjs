// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// tests/page/run [--only TEXT]... [--list]      against the mock
// tests/page/run --live URL [--token T]         against a real agent: what makes sense there
//
// Screenshots are left in build/page/screenshots.

import { cases, close, openBrowser, runCase } from "./harness.mjs";
import { liveCases } from "./cases_live.mjs";
import "./cases_views.mjs";
import "./cases_numbers.mjs";
import "./cases_keys.mjs";
import "./cases_states.mjs";
import "./cases_hostile.mjs";

const words = process.argv.slice(2);
const all = (name) => words.flatMap((w, i) => (w === name ? [words[i + 1]] : []));
const [live] = all("--live");
const chosen = (live ? liveCases(live, all("--token")[0]) : cases).filter(
	(c) => !all("--only").length || all("--only").some((text) => c.name.includes(text)),
);

if (words.includes("--list")) {
	chosen.forEach((c) => console.log(c.name));
	process.exit(0);
}
await openBrowser();
const counts = { ok: 0, FAIL: 0, SKIP: 0 };
for (const c of chosen) counts[await runCase(c)]++;
await close();
console.log(`page: ${counts.ok} passed, ${counts.FAIL} failed, ${counts.SKIP} skipped`);
process.exit(counts.FAIL || !chosen.length ? 1 : 0);
