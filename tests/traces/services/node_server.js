// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// node:http. See README.md. CLIENT: http (node:http with kept connections), fetch.
'use strict';
const fs = require('node:fs');
const http = require('node:http');

const NAME = process.env.NAME || 'node';
const TO = (process.env.TO || '').split(',').filter(Boolean);
const HAND_ON = (process.env.HAND_ON || '').split(',').filter(Boolean);
const truth = process.env.TRUTH ? fs.openSync(process.env.TRUTH, 'a') : null;
const agent = new http.Agent({ keepAlive: process.env.KEEP !== 'no', maxFreeSockets: 64 });
let ids = 0;

// `own`: the headers of the request being served.
const nobody = { 'x-truth-id': 'none' };
const headers = (own, kind = '') => {
	const mine = { 'X-Truth-Id': `${NAME}-${kind}${++ids}`, 'X-Truth-Parent': own['x-truth-id'] };
	for (const name of HAND_ON)
		if (own[name])
			mine[name] = own[name];
	return mine;
};

const byHttp = (url, own, kind) => new Promise((resolve, reject) => {
	http.get(url, { agent, headers: headers(own, kind) }, (answer) => {
		answer.on('end', () => resolve(answer.statusCode));
		answer.resume();
	}).on('error', reject);
});

const byFetch = async (url, own, kind) => {
	const answer = await fetch(url, { headers: headers(own, kind) });
	await answer.arrayBuffer();
	return answer.status;
};

const call = process.env.CLIENT === 'fetch' ? byFetch : byHttp;
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const paths = {
	'/leaf': async () => [],
	'/one': async (own) => [await call(TO[0], own)],
	'/two': async (own) => [await call(TO[0], own), await call(TO[0], own)],
	'/all': (own) => Promise.all(TO.map((url) => call(url, own))),
	'/late': async (own) => { await wait(3); return [await call(TO[0], own)]; },
	'/stream': async (own, res) => {
		res.write('one\n');
		await call(TO[0], own);
		res.write('two\n');
		return [];
	},
};

const serve = async (req, res) => {
	const own = req.headers;
	if (truth !== null)
		fs.writeSync(truth, `${own['x-truth-id']} ${own['x-truth-parent']} ${NAME}\n`);
	const statuses = await paths[req.url](own, res);
	if (!res.headersSent)
		res.writeHead(statuses.every((s) => s === 200) ? 200 : 502, { 'Content-Length': 3 });
	res.end('ok\n');
};

const tick = async (url) => {
	for (;;) {
		await call(url, nobody, 'tick');
		await wait(5);
	}
};

const server = http.createServer(serve);
server.keepAliveTimeout = 120000;
server.listen(Number(process.argv[2]), '127.0.0.1', 511, () => {
	console.log(`LISTEN ${server.address().port}`);
	if (process.env.TICK)
		tick(process.env.TICK);
});
