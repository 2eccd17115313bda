// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Makes the HTTP server of a program one of HTTPS, else the same.
// node -r node_tls.js SERVER.js PORT CERTIFICATE KEY
'use strict';
const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');

const [cert, key] = process.argv.slice(3, 5).map((path) => fs.readFileSync(path));

http.createServer = (handler) => https.createServer({ cert, key, minVersion: 'TLSv1.3' }, handler);
