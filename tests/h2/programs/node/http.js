// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// node:http2 servers with one handler, in the clear and with TLS.
// node http.js PORT LOG      PORT 0: choose one. Prints "PLAIN <port>", "LISTEN <port>".
'use strict';
const fs = require('node:fs');
const http2 = require('node:http2');
const net = require('node:net');

const truth = fs.openSync(process.argv[3], 'a');
const pem = fs.readFileSync(`${process.env.TLS_CERTS}/server.pem`);
const sessions = new Set();

const send = (stream, status, body) => {
	stream.respond({ ':status': status }, { endStream: !body });
	if (body)
		stream.end(body);
};

const trailers = (stream) => {
	stream.respond({ ':status': 200, trailer: 'x-last' }, { waitForTrailers: true });
	stream.on('wantTrailers', () => stream.sendTrailers({ 'x-last': 'done' }));
	stream.end('trailers\n');
};

const tunnel = (stream, authority) => {
	const [host, port] = authority.split(':');
	const socket = net.connect(Number(port), host, () => {
		stream.respond({ ':status': 200 });
		socket.pipe(stream);
		stream.pipe(socket);
	});
	socket.on('error', () => stream.close(http2.constants.NGHTTP2_CONNECT_ERROR));
	stream.on('close', () => socket.destroy());
};

const quick = {
	hello: () => 'hello\n',
	users: (id) => `user ${id}\n`,
	big: (n) => Buffer.alloc(Number(n), 'x'),
};

const answer = (stream, first, last, body) => {
	if (quick[first])
		return send(stream, 200, quick[first](last));
	switch (first) {
	case 'status':
		return send(stream, Number(last), last === '204' || last === '304' ? '' : 'status\n');
	case 'sleep':
		return setTimeout(() => stream.destroyed || send(stream, 200, 'slept\n'), Number(last));
	case 'echo':
		return send(stream, 200, Buffer.concat(body));
	case 'sink':
		return send(stream, 200, `${body.reduce((n, d) => n + d.length, 0)}\n`);
	case 'trailers':
		return trailers(stream);
	case 'early':
		stream.additionalHeaders({ ':status': 103, link: '</style>; rel=preload' });
		return send(stream, 200, 'early\n');
	case 'reset':
		stream.respond({ ':status': 200 });
		return stream.write('a part', () => stream.destroy(new Error('as asked')));
	case 'refuse': // no headers at all
		return stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
	case 'goaway':
		send(stream, 200, 'goodbye\n');
		return sessions.forEach((session) => session.close());
	default:
		return send(stream, 404, 'not found\n');
	}
};

const handle = (stream, headers) => {
	const method = headers[':method'];
	const path = (headers[':path'] || '').split('?')[0];
	stream.on('error', () => {});
	stream.on('close', () => {
		const status = (stream.sentHeaders || {})[':status'] || 0;
		fs.writeSync(truth, `${method} ${path} ${status}\n`);
	});
	if (method === 'CONNECT')
		return tunnel(stream, headers[':authority']);
	const body = [];
	const [, first, last] = path.split('/');
	stream.on('data', (d) => body.push(d));
	stream.on('end', () => answer(stream, first, last, body));
};

const settings = { maxConcurrentStreams: 20000 };
const plain = http2.createServer({ settings });
const tls = http2.createSecureServer({ settings, key: pem, cert: pem });
for (const server of [plain, tls]) {
	server.on('stream', handle);
	server.on('session', (session) => {
		sessions.add(session);
		session.on('close', () => sessions.delete(session));
		session.on('error', () => {});
	});
}
plain.listen(0, '127.0.0.1', 511, () => {
	console.log(`PLAIN ${plain.address().port}`);
	tls.listen(Number(process.argv[2]), '127.0.0.1', 511, () => {
		console.log(`LISTEN ${tls.address().port}`);
	});
});
