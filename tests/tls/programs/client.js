// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// node client.js https|fetch URL N keep|new
// Waits for a line on standard input; prints each status. NODE_EXTRA_CA_CERTS: the CA.
'use strict';
const https = require('node:https');

const [how, url, n, mode] = process.argv.slice(2);
const agent = new https.Agent({ keepAlive: mode === 'keep', maxSockets: 1 });

const get = () => new Promise((resolve, reject) => {
	https.get(url, { agent }, (res) => {
		res.resume();
		res.on('end', () => resolve(res.statusCode));
	}).on('error', reject);
});

const ask = async () => {
	const headers = mode === 'keep' ? {} : { connection: 'close' };
	const answer = await fetch(url, { headers });
	await answer.arrayBuffer();
	return answer.status;
};

process.stdin.once('data', async () => {
	for (let i = 0; i < Number(n); i++)
		console.log(await (how === 'fetch' ? ask() : get()));
	process.exit(0);
});
console.log('READY');
