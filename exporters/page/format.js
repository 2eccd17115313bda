// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Numbers with their units, instants, and text that a stranger chose. Between a number and its
// unit is a narrow no-break space. What is not known is a dash.

export const NOTHING = "–";
const SPACE = "\u202f";
const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

// Three digits that matter, without an exponent: 0.017, 2.04, 13.0, 12,345.
export function digits(x) {
	const size = Math.abs(x);

	if (size === 0) return "0";
	if (size >= 99.95) return grouped.format(x);
	if (size >= 9.995) return x.toFixed(1);
	return size >= 0.0995 ? x.toFixed(2) : String(Number(x.toPrecision(2)));
}

const known = (x) => x != null && Number.isFinite(x);

export const count = (x) => (known(x) ? grouped.format(x) : NOTHING);

// [number, unit], of seconds.
function durationParts(seconds) {
	const size = Math.abs(seconds);

	if (size === 0) return ["0", "s"];
	if (size < 0.0009995) return [digits(seconds * 1e6), "µs"];
	if (size < 0.9995) return [digits(seconds * 1e3), "ms"];
	return [digits(seconds), "s"];
}

export const duration = (x) => (known(x) ? durationParts(x).join(SPACE) : NOTHING);
export const rate = (x) => (known(x) ? digits(x) + SPACE + "req/s" : NOTHING);
export const ratio = (x) => (known(x) ? digits(x * 100) + SPACE + "%" : NOTHING);

// A round value for an axis: without zeros that say nothing.
export const tick = (text) =>
	text.replace(/\.(\d*?)0+(?=\D|$)/, (_, rest) => (rest ? "." + rest : ""));

export function bytes(x) {
	const units = ["B", "KiB", "MiB", "GiB", "TiB"];
	let i = 0;

	if (!known(x)) return NOTHING;
	for (; Math.abs(x) >= 1024 && i < units.length - 1; i++) x /= 1024;
	return (i ? digits(x) : grouped.format(x)) + SPACE + units[i];
}

// 2 h 5 min: how long something has been, in two units at most.
export function span(seconds) {
	const units = [
		[86400, "d"],
		[3600, "h"],
		[60, "min"],
		[1, "s"],
	];
	const parts = [];
	let rest = Math.max(0, Math.round(seconds));

	for (const [size, name] of units) {
		if (rest >= size && parts.length < 2) parts.push(Math.floor(rest / size) + SPACE + name);
		rest %= size;
	}
	return parts.join(" ") || "0" + SPACE + "s";
}

const two = (n) => String(n).padStart(2, "0");
const clock = (d) => `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
const day = (d) => `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;

// Of Unix seconds, in the reader's time zone.
export const time = (t) => (known(t) ? clock(new Date(t * 1000)) : NOTHING);
export const minute = (t) => time(t).slice(0, 5);
export const moment = (t) => (known(t) ? day(new Date(t * 1000)) + " " + time(t) : NOTHING);

export function timeMillis(t) {
	const d = new Date(t * 1000);
	return `${clock(d)}.${String(d.getMilliseconds()).padStart(3, "0")}`;
}

// "250ms", "1.5 s", "300us", "2" (seconds): seconds, or null when it is none of these.
export function parseDuration(input) {
	const match = /^\s*(\d*\.?\d+)\s*(µs|us|ms|s|min|m)?\s*$/i.exec(input);
	const sizes = { µs: 1e-6, us: 1e-6, ms: 1e-3, s: 1, m: 60, min: 60 };

	return match ? Number(match[1]) * sizes[(match[2] ?? "s").toLowerCase()] : null;
}

// What would not be seen, or would reorder what is around it: controls, and the format characters
// of Unicode (bidirectional overrides, zero widths, tags).
const INVISIBLE = /[\p{Cc}\p{Cf}\u2028\u2029\u115f\u1160\u3164]/gu;

const escaped = (c) => "\\u{" + c.codePointAt(0).toString(16) + "}";

// Captured text as it can be shown, at most `max` characters of it.
export function visible(value, max = 300) {
	const text = String(value);
	const shown = text.length > max ? text.slice(0, max) + "…" : text;

	return shown.replace(INVISIBLE, escaped);
}

// What a request, or a row of /routes, is called.
export function operation({ protocol, method, route, path, peer, kind }) {
	const target = kind === "client" && peer ? "→ " + peer : null;
	const place = route ?? path ?? (kind === "client" || protocol !== "http" ? null : "(no route)");

	if (method === "_OVERFLOW") return "(all others)";
	if (protocol !== "http" && !method)
		return visible([route ?? "(unknown method)", target].filter(Boolean).join(" "));
	return visible([method ?? "(unknown method)", place, target].filter(Boolean).join(" "));
}

// Of a span, which knows more than a series: its path, or the method of its call.
export const spanName = (x) => operation({ ...x, route: x.rpc?.method ?? x.path ?? x.route });

// The class of a status, in style.css. A word, or none at all, is as bad as the error beside it.
export function statusKind(status, error) {
	const first = /^[1-5]/.exec(status ?? "")?.[0];

	return first ? `c${first}xx` : error ? "error" : "";
}
