// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// node node.js PORT [CERTIFICATE KEY]: an HTTP/2 server. /N answers with N bytes.
const fs = require('fs');
const http2 = require('http2');

const [port, cert, key] = process.argv.slice(2);
const server = cert
	? http2.createSecureServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) })
	: http2.createServer();

server.on('stream', (stream, headers) => {
	const n = parseInt(headers[':path'].slice(1), 10) || 0;

	stream.on('data', () => {});
	stream.on('end', () => {
		stream.respond({ ':status': 200, 'content-type': 'text/plain' });
		stream.end(Buffer.alloc(n, 'x'));
	});
	stream.on('error', () => {});
});
server.listen(port, '127.0.0.1', () => console.log('listen'));
