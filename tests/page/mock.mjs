#!/usr/bin/env node
// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// A stand-in for the agent: the page's files with the headers that the agent sends, and an API as
// docs/api.md has it over the made-up host of model.mjs. Its clock moves only by tick(), or, run by
// hand, each second:
//
//     tests/page/mock.mjs [--port N] [--mode normal|many|hostile|empty|off] [--token T]

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { HOSTILE, MANY, NORMAL, START } from "./model.mjs";
import { Refusal, answers, checkParams, exposition } from "./mock_api.mjs";
import { traces } from "./spans.mjs";

const PAGE = join(dirname(fileURLToPath(import.meta.url)), "../../exporters/page");
const TYPES = {
	".html": "text/html; charset=utf-8",
	".js": "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
};
const ROWS = { normal: NORMAL, many: MANY, hostile: HOSTILE, empty: [], off: NORMAL };
const HEADERS = {
	"Content-Security-Policy":
		"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
	"X-Content-Type-Options": "nosniff",
	"Referrer-Policy": "no-referrer",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Cross-Origin-Opener-Policy": "same-origin",
};

export class Mock {
	constructor({ mode = "normal", token = null, port = 0 } = {}) {
		Object.assign(this, {
			mode,
			token,
			port,
			now: START + 900,
			streams: new Set(),
			asked: [],
			events: true,
		});
		this.traces = traces(mode);
	}

	get rows() {
		return ROWS[this.mode];
	}
	get url() {
		return `http://127.0.0.1:${this.port}/`;
	}

	async start() {
		this.server = createServer((q, a) => this.answer(q, a));
		await new Promise((done) => this.server.listen(this.port, "127.0.0.1", done));
		this.port = this.server.address().port;
		return this;
	}

	// As if the agent were killed.
	async stop() {
		this.streams.clear();
		this.server.closeAllConnections();
		await new Promise((done) => this.server.close(done));
	}

	change(mode) {
		this.mode = mode;
		this.traces = traces(mode);
	}

	tick() {
		this.now++;
		const list = answers.services(this, new URLSearchParams("limit=100&window=1")).services;
		const data = {
			t: this.now,
			services: list.map(({ name, namespace, server, client, in_flight }) => ({
				name,
				namespace,
				rate: (server ?? client).rate,
				error_ratio: (server ?? client).error_ratio,
				p95: (server ?? client).p95,
				in_flight,
			})),
		};
		for (const a of this.streams) a.write(`event: tick\ndata: ${JSON.stringify(data)}\n\n`);
	}

	answer(q, a) {
		const { pathname, searchParams } = new URL(q.url, this.url);

		try {
			if (pathname === "/metrics")
				return send(q, a, "text/plain; version=0.0.4", exposition(this));
			if (pathname.startsWith("/api/")) return this.api(q, a, pathname, searchParams);
			const name = pathname === "/" ? "index.html" : pathname.slice(1);
			if (name.includes("/") || !TYPES[extname(name)])
				throw new Refusal(404, "there is no such path");
			return send(q, a, TYPES[extname(name)], readFileSync(join(PAGE, name)));
		} catch (e) {
			const status = e.status ?? (e.code === "ENOENT" ? 404 : 500);
			a.writeHead(status, { ...HEADERS, "Content-Type": "application/json" }).end(
				JSON.stringify({ error: e.message }),
			);
		}
	}

	api(q, a, path, p) {
		checkParams(path.split("/")[3], p);
		this.asked.push(q.url);
		if (!["same-origin", "none", undefined].includes(q.headers["sec-fetch-site"]))
			throw new Refusal(403, "the request was made for another origin");
		if (this.token && q.headers.authorization !== `Bearer ${this.token}`)
			throw new Refusal(401, "the token is missing or wrong");
		const name = path.slice("/api/v1/".length);
		if (this.mode === "off" && name !== "status")
			throw new Refusal(404, "the history is off (--history-limit 0)");
		if (name === "events") return this.stream(a);
		const one = /^traces\/(\w+)$/.exec(name);
		const make = one ? () => this.trace(one[1]) : answers[name];
		if (!make) throw new Refusal(404, "there is no such path");
		send(q, a, "application/json", JSON.stringify(make(this, p)));
	}

	trace(id) {
		const found = this.traces.find((t) => t.trace_id === id);

		if (!found) throw new Refusal(404, "there is no such trace");
		return found;
	}

	stream(a) {
		if (!this.events) throw new Refusal(503, "too many listen already");
		a.writeHead(200, {
			...HEADERS,
			"Content-Type": "text/event-stream",
			"Cache-Control": "no-store",
		});
		a.write(": hello\n\n");
		this.streams.add(a);
		a.on("close", () => this.streams.delete(a));
	}
}

function send(q, a, type, body) {
	const etag = `"${createHash("sha256").update(body).digest("hex").slice(0, 16)}"`;
	const headers = { ...HEADERS, "Content-Type": type, ETag: etag, "Cache-Control": "no-cache" };

	if (q.headers["if-none-match"] === etag) return a.writeHead(304, headers).end();
	return a.writeHead(200, headers).end(body);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const option = (name, otherwise) =>
		process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : otherwise;
	const mock = await new Mock({
		mode: option("--mode", "normal"),
		token: option("--token", null),
		port: Number(option("--port", 0)),
	}).start();
	setInterval(() => mock.tick(), 1000);
	console.log(mock.url);
}
