// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// redeye.test.Echo by grpc-js; see tests/h2/README.md.
// node grpc.js serve PORT LOG [tls] | call HOST:PORT [tls]
'use strict';
const fs = require('node:fs');
const readline = require('node:readline');
const grpc = require('@grpc/grpc-js');

const certs = process.env.TLS_CERTS;
const same = (bytes) => bytes;
const SERVICE = '/redeye.test.Echo/';
const HEALTH = '/grpc.health.v1.Health/Check';
const METHODS = {
	Unary: [false, false], ServerStream: [false, true], ClientStream: [true, false],
	Bidi: [true, true], Health: [false, false],
};
const OPTIONS = {
	'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1,
	'grpc.max_concurrent_streams': 20000,
};

const definition = (name) => ({
	path: name === 'Health' ? HEALTH : SERVICE + name,
	requestStream: METHODS[name][0],
	responseStream: METHODS[name][1],
	requestSerialize: same,
	requestDeserialize: same,
	responseSerialize: same,
	responseDeserialize: same,
});

// ---- the server ----

const parse = (message) => {
	const [status, count, size, hold] = message.toString('latin1').split('\n')[0].split(' ').map(Number);
	return { status, count, size, hold };
};

const failure = (status) => Object.assign(new Error('as asked: \u00fc%'), {
	code: status, details: 'as asked: \u00fc%',
});

// A call of any kind, with what its kind needs to read and to answer.
class Call {
	constructor(name, truth, call, callback) {
		Object.assign(this, { name, truth, call, callback, got: 0, sent: 0, over: false });
		call.on('cancelled', () => this.end(grpc.status.CANCELLED, true));
	}

	receive(message) {
		if (this.got++ === 0)
			this.order = parse(message);
		if (this.name === 'Bidi')
			this.send();
	}

	send() {
		for (let i = 0; i < this.order.count; i++, this.sent++)
			this.call.write(Buffer.alloc(this.order.size));
	}

	finish() {
		if (this.name === 'ServerStream')
			this.send();
		const end = () => this.end(this.order.status);
		return this.order.hold ? setTimeout(end, this.order.hold) : end();
	}

	end(status, cancelled) {
		if (this.over)
			return;
		this.over = true;
		const message = this.callback && status === 0 ? Buffer.alloc(this.order.size) : undefined;
		this.sent += message ? 1 : 0;
		fs.writeSync(this.truth, `${this.name} ${status} ${this.got} ${this.sent}\n`);
		if (cancelled)
			return;
		if (this.callback)
			this.callback(status ? failure(status) : null, message);
		else if (status)
			this.call.emit('error', failure(status));
		else
			this.call.end();
	}
}

const handlers = (truth) => ({
	Health: (call, callback) => callback(null, Buffer.from([8, 1])),
	Unary: (call, callback) => {
		const one = new Call('Unary', truth, call, callback);
		one.receive(call.request);
		one.finish();
	},
	ServerStream: (call) => {
		const one = new Call('ServerStream', truth, call);
		one.receive(call.request);
		one.finish();
	},
	ClientStream: (call, callback) => {
		const one = new Call('ClientStream', truth, call, callback);
		call.on('data', (message) => one.receive(message));
		call.on('end', () => one.finish());
	},
	Bidi: (call) => {
		const one = new Call('Bidi', truth, call);
		call.on('data', (message) => one.receive(message));
		call.on('end', () => one.finish());
	},
});

const serve = (port, log, tls) => {
	const truth = fs.openSync(log, 'a');
	const server = new grpc.Server(OPTIONS);
	const all = handlers(truth);
	for (const service of [['Health'], ['Unary', 'ServerStream', 'ClientStream', 'Bidi']]) {
		const definitions = Object.fromEntries(service.map((name) => [name, definition(name)]));
		server.addService(definitions, all);
	}
	const pem = tls && fs.readFileSync(`${certs}/server.pem`);
	const credentials = tls ?
		grpc.ServerCredentials.createSsl(null, [{ private_key: pem, cert_chain: pem }]) :
		grpc.ServerCredentials.createInsecure();
	server.bindAsync(`127.0.0.1:${port}`, credentials, (error, bound) => {
		if (error)
			throw error;
		console.log(`LISTEN ${bound}`);
	});
};

// ---- the client ----

const NUMBERS = ['status', 'count', 'size', 'hold', 'send', 'sendSize', 'pause', 'deadline', 'cancel',
	'times', 'together'];

const script = (line) => {
	const [method, ...numbers] = line.split(' ');
	return { method, ...Object.fromEntries(NUMBERS.map((name, i) => [name, Number(numbers[i])])) };
};

const message = (s) => {
	const head = Buffer.from(`${s.status} ${s.count} ${s.size} ${s.hold}\n`);
	return Buffer.concat([head, Buffer.alloc(Math.max(0, s.sendSize - head.length))]);
};

const start = (client, s, options, done, receive) => {
	const { path, requestStream, responseStream } = definition(s.method);
	const words = [path, same, same];
	const metadata = new grpc.Metadata();
	if (requestStream && responseStream)
		return client.makeBidiStreamRequest(...words, metadata, options);
	if (responseStream)
		return client.makeServerStreamRequest(...words, message(s), metadata, options);
	const callback = (error, answer) => {
		if (answer)
			receive(answer);
		done(error ? error.code : 0);
	};
	if (requestStream)
		return client.makeClientStreamRequest(...words, metadata, options, callback);
	return client.makeUnaryRequest(...words, message(s), metadata, options, callback);
};

const one = (client, s) => new Promise((resolve) => {
	const begin = process.hrtime.bigint();
	const [requestStream, responseStream] = METHODS[s.method];
	let got = 0, bytes = 0;
	const receive = (answer) => {
		got++;
		bytes += answer.length;
	};
	const sent = requestStream ? s.send : 1;
	const done = (status) => {
		const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
		resolve(JSON.stringify({ method: s.method, status, sent, got, bytes, seconds }));
	};
	const options = s.deadline ? { deadline: Date.now() + s.deadline } : {};
	const call = start(client, s, options, done, receive);
	if (responseStream) {
		call.on('data', receive);
		call.on('error', () => {});
		call.on('status', (status) => done(status.code));
	}
	if (requestStream) {
		for (let i = 0; i < s.send; i++)
			call.write(message(s));
		if (s.pause)
			setTimeout(() => call.end(), s.pause);
		else
			call.end();
	}
	if (s.cancel)
		setTimeout(() => call.cancel(), s.cancel);
});

const run = async (client, s) => {
	let left = s.times;
	const work = async () => {
		while (left-- > 0)
			console.log(await one(client, s));
	};
	await Promise.all(Array.from({ length: s.together }, work));
};

const call = async (target, tls) => {
	const credentials = tls ?
		grpc.credentials.createSsl(fs.readFileSync(`${certs}/ca.pem`)) :
		grpc.credentials.createInsecure();
	const client = new grpc.Client(target, credentials, OPTIONS);
	console.log('READY');
	for await (const line of readline.createInterface({ input: process.stdin }))
		await run(client, script(line));
	client.close();
};

if (process.argv[2] === 'serve')
	serve(process.argv[3], process.argv[4], process.argv[5] === 'tls');
else
	call(process.argv[3], process.argv[4] === 'tls');
