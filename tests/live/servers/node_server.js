// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// node:http server, fetch as its client.
// node node_server.js PORT        PORT 0: choose one. Prints "LISTEN <port>".
'use strict';
const http = require('node:http');

let handled = 0;
const send = (res, status, body) => {
	const bare = status === 204 || status === 304;
	res.writeHead(status, bare ? {} : { 'Content-Length': Buffer.byteLength(body) });
	res.end(bare ? undefined : body);
};

const routes = [
	[/^\/hello$/, (req, res) => send(res, 200, 'hello\n')],
	[/^\/sleep\/(\d+)$/, (req, res, ms) => setTimeout(() => send(res, 200, 'slept\n'), ms)],
	[/^\/status\/(\d+)$/, (req, res, code) => send(res, Number(code), 'status\n')],
	[/^\/echo$/, (req, res) => {
		const parts = [];
		req.on('data', (d) => parts.push(d));
		req.on('end', () => send(res, 200, Buffer.concat(parts)));
	}],
	[/^\/chunked$/, (req, res) => {
		res.write('one\n');
		setImmediate(() => {
			res.write('two\n');
			setImmediate(() => res.end('three\n'));
		});
	}],
	[/^\/big\/(\d+)$/, (req, res, n) => send(res, 200, 'x'.repeat(n))],
	[/^\/users\/(\d+)$/, (req, res, id) => send(res, 200, `user ${id}\n`)],
	[/^\/count$/, (req, res) => { handled--; send(res, 200, `${handled}\n`); }],
	[/^\/call$/, async (req, res, query) => {
		try {
			const answer = await fetch(query.get('url'), { redirect: 'manual' });
			await answer.arrayBuffer();
			send(res, 200, `${answer.status}\n`);
		} catch (e) {
			send(res, 502, `${e.message}\n`);
		}
	}],
];

const server = http.createServer((req, res) => {
	const url = new URL(req.url, 'http://live');
	handled++;
	for (const [pattern, handler] of routes) {
		const m = pattern.exec(url.pathname);
		if (m)
			return handler(req, res, m[1] === undefined ? url.searchParams : m[1]);
	}
	return send(res, 404, 'not found\n');
});
server.keepAliveTimeout = 120000;
server.listen(Number(process.argv[2]), '127.0.0.1', 511, () => {
	console.log(`LISTEN ${server.address().port}`);
});
