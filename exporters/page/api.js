// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Asks the agent. The token, when it wants one, is kept for this tab only and goes nowhere but into
// the header of a request to where the page came from. Answers that have not changed (ETag) are the
// very object of before.

const BASE = "api/v1/";
const TOKEN = "redeye-token";
const CACHE_MAX = 60;
const cache = new Map(); // URL: {etag, data}, the oldest first

// status 0: nobody answered.
export class ApiError extends Error {
	constructor(status, message) {
		super(message);
		this.status = status;
	}
}

export const token = {
	get: () => sessionStorage.getItem(TOKEN),
	set: (text) => sessionStorage.setItem(TOKEN, text),
	forget: () => sessionStorage.removeItem(TOKEN),
};

// params: an object; of a null or undefined value nothing is sent, an empty one is.
export function url(path, params = {}) {
	const query = new URLSearchParams(Object.entries(params).filter(([, v]) => v != null));
	return BASE + path + (query.size ? "?" + query : "");
}

async function ask(address, headers, signal) {
	const bearer = token.get();

	if (bearer) headers.Authorization = "Bearer " + bearer;
	try {
		return await fetch(address, { headers, signal, cache: "no-store", redirect: "error" });
	} catch (e) {
		if (e.name === "AbortError") throw e;
		throw new ApiError(0, "redeye does not answer");
	}
}

async function failure(response) {
	const text = await response.text().catch(() => "");
	let message = `${response.status} ${response.statusText}`;

	try {
		message = JSON.parse(text).error ?? message;
	} catch {
		// a proxy's own page: its status says enough
	}
	return new ApiError(response.status, message);
}

function remember(address, etag, data) {
	cache.delete(address);
	cache.set(address, { etag, data });
	if (cache.size > CACHE_MAX) cache.delete(cache.keys().next().value);
}

export async function get(path, params, signal) {
	const address = url(path, params);
	const before = cache.get(address);
	const response = await ask(address, before ? { "If-None-Match": before.etag } : {}, signal);

	if (response.status === 304 && before) return before.data;
	if (!response.ok) throw await failure(response);
	const data = await response.json().catch((e) => {
		throw e.name === "AbortError" ? e : new ApiError(0, "the answer was cut off");
	});
	const etag = response.headers.get("ETag");
	if (etag) remember(address, etag, data);
	return data;
}

// Server-sent events by fetch, since EventSource cannot send a token. Calls on(event, data) until
// the server or `signal` ends it; opened() once it has begun.
export async function events(params, { opened, on, signal }) {
	const response = await ask(url("events", params), { Accept: "text/event-stream" }, signal);

	if (!response.ok) throw await failure(response);
	opened();
	const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
	let rest = "";
	for (;;) {
		const { done, value } = await reader.read();
		if (done) return;
		const blocks = (rest + value).replaceAll("\r\n", "\n").split("\n\n");
		rest = blocks.pop();
		blocks.forEach((block) => dispatch(block, on));
	}
}

function dispatch(block, on) {
	let event = "message";
	const data = [];

	for (const line of block.split("\n")) {
		const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
		if (field === "event") event = value;
		else if (field === "data") data.push(value);
	}
	if (data.length) on(event, JSON.parse(data.join("\n")));
}
