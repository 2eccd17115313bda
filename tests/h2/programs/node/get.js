// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// node:http2 as a client, for each line "FIRST N TOGETHER plain|traced" of standard input: N
// requests over one connection, so many at a time, "#" in the URL being FIRST, FIRST + 1, ...;
// prints each status. Traced: each has a traceparent of its own, which tests/h2/context.py knows.
// node get.js URL      Prints "READY" before.
'use strict';
const fs = require('node:fs');
const http2 = require('node:http2');
const readline = require('node:readline');

const url = new URL(process.argv[2]);
const path = process.argv[2].slice(url.origin.length);
const ca = fs.readFileSync(`${process.env.TLS_CERTS}/ca.pem`);

const traceparent = (i) => {
	const hex = (i + 1).toString(16);
	return `00-${hex.padStart(32, 'a')}-${hex.padStart(16, 'b')}-01`;
};

const one = (session, i, kind) => new Promise((done) => {
	const headers = { ':path': path.replace('#', i) };
	if (kind === 'traced')
		headers.traceparent = traceparent(i);
	const stream = session.request(headers);
	let status = 'error';
	stream.on('response', (h) => {
		status = h[':status'];
	});
	stream.on('error', () => {
		status = 'error';
	});
	stream.on('close', () => done(status));
	stream.resume();
	stream.end();
});

const script = async (session, line) => {
	const [first, n, together, kind] = line.split(' ');
	let next = Number(first);
	const end = next + Number(n);
	const work = async () => {
		while (next < end)
			console.log(await one(session, next++, kind));
	};
	await Promise.all(Array.from({ length: Number(together) }, work));
};

const main = async () => {
	let session;
	console.log('READY');
	for await (const line of readline.createInterface({ input: process.stdin })) {
		session = session || http2.connect(url.origin, { ca });
		await script(session, line);
	}
	session.close();
};

main();
