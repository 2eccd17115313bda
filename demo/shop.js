// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The shop that people see. It asks stock and orders.
// node shop.js ORDERS_PORT STOCK_PORT    prints "LISTEN <port>", then its access log
'use strict';
const http = require('node:http');

const [ordersPort, stockPort] = process.argv.slice(2).map(Number);
const agent = new http.Agent({ keepAlive: true, timeout: 5000 });
const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });

const body = async (stream) => {
	const parts = [];
	for await (const part of stream)
		parts.push(part);
	return Buffer.concat(parts).toString();
};

// Asks another service and hands its answer on.
const ask = (port, method, path, data = '') => new Promise((done) => {
	const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(data) };
	const req = http.request({ port, host: '127.0.0.1', method, path, headers, agent },
		async (res) => done([res.statusCode, await body(res)]));
	req.on('error', (e) => done([502, JSON.stringify({ error: e.message })]));
	req.end(data);
});

const routes = [
	['GET', /^\/$/, async () => { await sleep(1 + 2 * Math.random()); return [200, '{"shop": "open"}']; }],
	['GET', /^\/products\/(\d+)$/, (id) => ask(stockPort, 'GET', `/items/${id}`)],
	['POST', /^\/orders$/, (_, data) => ask(ordersPort, 'POST', '/orders', data)],
	['GET', /^\/orders\/(\d+)$/, (id) => ask(ordersPort, 'GET', `/orders/${id}`)],
	['POST', /^\/checkout$/, (_, data) => ask(ordersPort, 'POST', `/orders/${JSON.parse(data).order}/payment`)],
];

const answer = async (req) => {
	const path = req.url.split('?')[0];
	const data = await body(req);
	for (const [method, pattern, handler] of routes) {
		const m = method === req.method && pattern.exec(path);
		if (m)
			return handler(m[1], data);
	}
	return [404, '{"error": "no such page"}'];
};

const server = http.createServer(async (req, res) => {
	const [status, text] = await answer(req);
	console.log(`${req.method} ${req.url} ${status}`);
	res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) });
	res.end(text);
});
server.listen(0, '127.0.0.1', () => console.log(`LISTEN ${server.address().port}`));
