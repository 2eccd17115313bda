// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// node:https server, and node:http with the same handler on a second port.
// node node_tls.js PORT [verify]        PORT 0: choose one. Prints "PLAIN <port>", "LISTEN <port>".
'use strict';
const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');

const certs = process.env.TLS_CERTS;
const send = (res, status, body) => {
	res.writeHead(status, { 'Content-Length': Buffer.byteLength(body) });
	res.end(body);
};
const bodies = {
	hello: () => 'hello\n',
	users: (id) => `user ${id}\n`,
	sleep: () => 'slept\n',
	status: () => 'status\n',
	big: (n) => Buffer.alloc(Number(n), 'x'),
};

const handle = (req, res) => {
	const [, first, last] = req.url.split('/');
	const parts = [];
	let size = 0;
	req.on('data', (d) => {
		size += d.length;
		if (first === 'echo')
			parts.push(d);
	});
	req.on('end', () => {
		if (first === 'echo')
			return send(res, 200, Buffer.concat(parts));
		if (first === 'sink')
			return send(res, 200, `${size}\n`);
		if (!bodies[first])
			return send(res, 404, 'not found\n');
		const status = first === 'status' ? Number(last) : 200;
		const done = () => send(res, status, bodies[first](last));
		return first === 'sleep' ? setTimeout(done, Number(last)) : done();
	});
};

const pem = fs.readFileSync(`${certs}/server.pem`);
const verify = process.argv[3] === 'verify';
const plain = http.createServer(handle);
const tls = https.createServer({
	cert: pem,
	key: pem,
	ca: verify ? fs.readFileSync(`${certs}/ca.pem`) : undefined,
	requestCert: verify,
	rejectUnauthorized: verify,
}, handle);
plain.keepAliveTimeout = tls.keepAliveTimeout = 120000;
tls.on('tlsClientError', () => {});
plain.listen(0, '127.0.0.1', 511, () => {
	console.log(`PLAIN ${plain.address().port}`);
	tls.listen(Number(process.argv[2]), '127.0.0.1', 511, () => {
		console.log(`LISTEN ${tls.address().port}`);
	});
});
