// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Elements. Text gets into the page as text nodes and attributes only, never as markup, so what
// was captured cannot become any. A view builds its elements anew each time; update() makes those
// on the page equal to them and keeps the ones that stay: focus, hover, selection and scroll
// positions survive a refresh. Rows that may move have a data-key.

const SVG = "http://www.w3.org/2000/svg";
const HANDLERS = ["onclick", "onchange", "oninput", "onkeydown", "onsubmit", "onfocus"];

// h("td", {class: "num", title: text, onclick: f, style: {width: "3px"}}, child...)
// An attribute that is null, undefined or false is left out; children likewise.
export const h = (tag, attributes, ...children) =>
	fill(document.createElement(tag), attributes, children);

// The same for SVG.
export const s = (tag, attributes, ...children) =>
	fill(document.createElementNS(SVG, tag), attributes, children);

function fill(el, attributes, children) {
	for (const [name, value] of Object.entries(attributes ?? {})) set(el, name, value);
	el.append(...children.flat(Infinity).filter((c) => c != null && c !== false));
	return el;
}

function set(el, name, value) {
	if (value == null || value === false) return;
	if (HANDLERS.includes(name)) el[name] = value;
	else if (name === "style")
		// by CSSOM: the policy forbids the attribute
		Object.entries(value).forEach(([k, v]) => el.style.setProperty(k, v));
	else if (name === "href" && !value.startsWith("#"))
		throw new Error("a link within the page begins with #");
	else el.setAttribute(name, value === true ? "" : value);
}

// Makes the children of `el` equal to these.
export function update(el, ...children) {
	const fresh = document.createDocumentFragment();
	const focused = document.activeElement;

	fresh.append(...children.flat(Infinity).filter((c) => c != null && c !== false));
	matchChildren(el, fresh);
	if (focused !== document.activeElement && focused?.isConnected)
		focused.focus({ preventScroll: true }); // it was moved, which takes the focus away
}

const keyOf = (node) => node.dataset?.key;

function matchChildren(old, fresh) {
	const byKey = new Map([...old.children].filter(keyOf).map((c) => [keyOf(c), c]));
	let at = old.firstChild;

	for (const node of [...fresh.childNodes]) {
		const same = counterpart(node, at, byKey);
		if (!same) {
			old.insertBefore(node, at);
		} else {
			if (same === at) at = at.nextSibling;
			else old.insertBefore(same, at);
			match(same, node);
		}
	}
	while (at) {
		const next = at.nextSibling;
		at.remove();
		at = next;
	}
}

// What is there already for this node, or undefined.
function counterpart(node, at, byKey) {
	const key = keyOf(node);

	if (key) {
		const same = byKey.get(key);
		byKey.delete(key); // a second one with this key is a node of its own
		return same?.nodeName === node.nodeName ? same : undefined;
	}
	return at && at.nodeName === node.nodeName && !keyOf(at) ? at : undefined;
}

function match(old, fresh) {
	if (old.nodeType === Node.TEXT_NODE) {
		if (old.data !== fresh.data) old.data = fresh.data;
		return;
	}
	for (const { name } of [...old.attributes])
		if (!fresh.hasAttribute(name) && name !== "style") old.removeAttribute(name);
	for (const { name, value } of fresh.attributes)
		if (name !== "style" && old.getAttribute(name) !== value) old.setAttribute(name, value);
	if (old.style.cssText !== fresh.style.cssText) old.style.cssText = fresh.style.cssText;
	HANDLERS.forEach((name) => (old[name] = fresh[name]));
	matchChildren(old, fresh);
}
