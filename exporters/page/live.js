// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The page's heartbeat: one tick a second, from the agent's events or, while there are none (too
// many listeners, a proxy that holds them back, no history), from a timer. A page that nobody looks
// at has none.

import { events } from "./api.js";

const RETRY_MS = 30000; // of events, while a timer does

// onTick(data or null), onMode("live", "polling" or "off")
export class Heartbeat {
	constructor(onTick, onMode) {
		this.onTick = onTick;
		this.onMode = onMode;
		this.wanted = false;
		document.addEventListener("visibilitychange", () => this.apply());
	}

	set(wanted) {
		if (wanted !== this.wanted) {
			this.wanted = wanted;
			this.apply();
		}
	}

	apply() {
		const run = this.wanted && !document.hidden;

		if (run && !this.stop) this.start();
		else if (!run && this.stop) this.halt();
	}

	start() {
		const abort = new AbortController();

		this.stop = abort;
		this.listen(abort.signal);
	}

	halt() {
		this.stop.abort();
		this.stop = null;
		this.poll(false);
		clearTimeout(this.retry);
		this.onMode("off");
	}

	async listen(signal) {
		try {
			await events(
				{},
				{
					signal,
					opened: () => this.opened(),
					on: (event, data) => this.heard(event, data),
				},
			);
		} catch {
			// why does not matter here: what the next request says is shown
		}
		if (signal.aborted) return;
		this.poll(true);
		this.retry = setTimeout(() => this.listen(signal), RETRY_MS);
	}

	opened() {
		this.poll(false);
		this.onMode("live");
	}

	heard(event, data) {
		if (event === "tick") this.onTick(data);
	}

	poll(on) {
		clearInterval(this.timer);
		this.timer = on ? setInterval(() => this.onTick(null), 1000) : null;
		if (on) this.onMode("polling");
	}
}
