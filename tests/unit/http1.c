// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * HTTP/1 from records to transactions. A conversation is a list of calls; wire.h
 * makes of it what the kernel would send. Whatever way the same bytes are cut
 * into calls, and whichever side is observed, the transactions are the same.
 * Whatever records are lost, none is wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "conn.h"
#include "http1_txn.h"
#include "options.h"
#include "service.h"
#include "wire.h"

#define MAX_STEPS 24
#define MAX_BYTES 60000
#define MAX_SPANS 32
#define MAX_CUTS  2
#define SECOND	  1000000000ull

/* ---- conversations --------------------------------------------------------------------- */

enum what {
	END = 0,
	REQ,	 /* the client sends s, or n letters */
	ANS,	 /* the server does */
	FILE_,	 /* the server sends n bytes that nobody can read (sendfile) */
	SPLICE,	 /* the client does */
	C_CLOSE, /* the client closes */
	S_CLOSE, /* the server closes */
	C_HALF,	 /* the client shuts down its sending side */
	RESET,	 /* by the other side, whoever is observed */
	TIMEOUT, /* of the connection */
	WAIT,	 /* nothing for seconds, and redeye asks */
};

struct step {
	enum what what;
	const char *s;
	uint32_t n;
};

struct conversation {
	const char *name;
	struct step steps[MAX_STEPS];
	/* One line each: method, path, status, error ("server role|client role"),
	 * request and response body ("*": how much is not knowable in each case). */
	const char *want;
	bool middle;	/* redeye comes when it is open already */
	bool loose;	/* cut in another way, the kernel does not capture every head */
	bool last;	/* no further request can follow */
	uint32_t max_requests;
};

#define GET(path)	"GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"
#define OK(n)		"HTTP/1.1 200 OK\r\nContent-Length: " #n "\r\n\r\n"
#define CHUNKED		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#define POST(path, n)	"POST " path " HTTP/1.1\r\nContent-Length: " #n "\r\n\r\n"
#define A40		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A400		A40 A40 A40 A40 A40 A40 A40 A40 A40 A40
#define A4000		A400 A400 A400 A400 A400 A400 A400 A400 A400 A400
#define FIELD4000	"X: " A4000 "\r\n"

static const struct conversation conversations[] = {
	{ "keep-alive",
	  { { REQ, GET("/a") }, { ANS, OK(5) "hello" }, { REQ, GET("/b?q=1") }, { ANS, OK(0) } },
	  "GET /a 200 - 0 5\nGET /b 200 - 0 0\n" },
	{ "bare line feeds",
	  { { REQ, "GET /a HTTP/1.1\nHost: h\n\n" }, { ANS, "HTTP/1.1 200 OK\nContent-Length: 2\n\nok" },
	    { REQ, GET("/b") }, { ANS, OK(0) } },
	  "GET /a 200 - 0 2\nGET /b 200 - 0 0\n" },
	{ "empty lines between requests",
	  { { REQ, POST("/a", 2) "hi\r\n" }, { ANS, OK(0) }, { REQ, "\r\n" GET("/b") }, { ANS, OK(0) } },
	  "POST /a 200 - 2 0\nGET /b 200 - 0 0\n" },
	{ "until close",
	  { { REQ, "GET /a HTTP/1.0\r\n\r\n" }, { ANS, "HTTP/1.0 200 OK\r\n\r\n<html>" }, { ANS, .n = 9000 },
	    { S_CLOSE } },
	  "GET /a 200 - 0 9006\n", .last = true },
	{ "until close, but reset",
	  { { REQ, "GET /a HTTP/1.0\r\n\r\n" }, { ANS, "HTTP/1.0 200 OK\r\n\r\n<html>" }, { RESET } },
	  "GET /a 200 connection_reset|connection_reset 0 6\n", .last = true },
	{ "until close, but the network is gone",
	  { { REQ, "GET /a HTTP/1.0\r\n\r\n" }, { ANS, "HTTP/1.0 200 OK\r\n\r\n<html>" }, { TIMEOUT } },
	  "GET /a 200 timeout|timeout 0 6\n", .last = true },
	{ "chunked in one call",
	  { { REQ, GET("/a") }, { ANS, CHUNKED "5\r\nhello\r\n0\r\n\r\n" }, { REQ, GET("/b") }, { ANS, OK(0) } },
	  "GET /a 200 - 0 *\nGET /b 200 - 0 0\n" },
	{ "chunked, a call a chunk, extensions",
	  { { REQ, GET("/a") }, { ANS, CHUNKED }, { ANS, "5;x=\"y\"\r\nhello\r\n" }, { ANS, "A\r\n0123456789\r\n" },
	    { ANS, "0;z\r\n\r\n" } },
	  "GET /a 200 - 0 *\n" },
	{ "chunked with trailers",
	  { { REQ, GET("/a") },
	    { ANS, "HTTP/1.1 200 OK\r\nTrailer: T\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nT: 1\r\n\r\n" },
	    { REQ, GET("/b") }, { ANS, OK(0) } },
	  "GET /a 200 - 0 *\nGET /b 200 - 0 0\n" },
	{ "chunked with unannounced trailers, then closed",
	  { { REQ, GET("/a") }, { ANS, CHUNKED "2\r\nab\r\n0\r\nT: 1\r\n\r\n" }, { S_CLOSE } },
	  "GET /a 200 - 0 *\n", .last = true },
	{ "chunked, cut off",
	  { { REQ, GET("/a") }, { ANS, CHUNKED "5\r\nhello\r\n" }, { ANS, "5\r\nwo" }, { S_CLOSE } },
	  "GET /a 200 connection_closed|connection_closed 0 *\n", .last = true },
	{ "chunked upload",
	  { { REQ, "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" }, { REQ, "3\r\nabc\r\n" },
	    { REQ, "0\r\n\r\n" }, { ANS, OK(2) "ok" }, { REQ, GET("/b") }, { ANS, OK(0) } },
	  "POST /a 200 - * 2\nGET /b 200 - 0 0\n" },
	{ "HEAD, 204, 304",
	  { { REQ, "HEAD /a HTTP/1.1\r\n\r\n" }, { ANS, OK(1000) }, { REQ, "DELETE /b HTTP/1.1\r\n\r\n" },
	    { ANS, "HTTP/1.1 204 No Content\r\n\r\n" }, { REQ, GET("/c") },
	    { ANS, "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n" }, { REQ, GET("/d") }, { ANS, OK(1) "x" } },
	  "HEAD /a 200 - 0 0\nDELETE /b 204 - 0 0\nGET /c 304 - 0 0\nGET /d 200 - 0 1\n" },
	{ "interim answers",
	  { { REQ, GET("/a") }, { ANS, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" },
	    { ANS, "HTTP/1.1 102 Processing\r\n\r\n" OK(3) "abc" } },
	  "GET /a 200 - 0 3\n" },
	{ "expect",
	  { { REQ, "PUT /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\n" },
	    { ANS, "HTTP/1.1 100 Continue\r\n\r\n" }, { REQ, "foobar" }, { ANS, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n" } },
	  "PUT /a 201 - 6 0\n" },
	{ "expect, refused",
	  { { REQ, "PUT /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\n" },
	    { ANS, "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n" }, { S_CLOSE } },
	  "PUT /a 417 - 0 0\n", .last = true },
	{ "upgrade",
	  { { REQ, "GET /ws HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n" },
	    { ANS, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n" }, { REQ, "\x81\x05hello" },
	    { ANS, "HTTP/1.1 200 OK\r\n\r\n" }, { REQ, GET("/not-http") }, { ANS, OK(0) }, { S_CLOSE } },
	  "GET /ws 101 - 0 0\n", .last = true },
	{ "tunnel",
	  { { REQ, "CONNECT a.b:443 HTTP/1.1\r\nHost: a.b:443\r\n\r\n" }, { ANS, "HTTP/1.1 200 Connection established\r\n\r\n" },
	    { REQ, "\x16\x03\x01 hello" }, { ANS, "\x16\x03\x03" }, { C_CLOSE } },
	  "CONNECT  200 - 0 0\n", .last = true },
	{ "tunnel, refused",
	  { { REQ, "CONNECT a.b:443 HTTP/1.1\r\nHost: a.b:443\r\n\r\n" },
	    { ANS, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nno\n" }, { REQ, GET("/b") }, { ANS, OK(0) } },
	  "CONNECT  502 - 0 3\nGET /b 200 - 0 0\n" },
	{ "two at once, answers in one call",
	  { { REQ, GET("/1") GET("/2") }, { ANS, OK(1) "1" OK(2) "22" }, { REQ, GET("/3") }, { ANS, OK(0) } },
	  "GET /1 200 - 0 1\nGET /2 200 - 0 2\nGET /3 200 - 0 0\n", .loose = true },
	{ "three at once, an answer a call",
	  { { REQ, GET("/1") POST("/2", 3) "abc" GET("/3") }, { ANS, OK(1) "1" }, { ANS, OK(0) },
	    { ANS, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n" } },
	  "GET /1 200 - 0 1\nPOST /2 200 - 3 0\nGET /3 404 - 0 0\n", .loose = true },
	{ "seven at once",
	  { { REQ, GET("/1") GET("/2") GET("/3") GET("/4") GET("/5") GET("/6") GET("/7") },
	    { ANS, OK(1) "1" OK(2) "22" OK(0) OK(0) }, { ANS, CHUNKED "1\r\nx\r\n0\r\n\r\n" OK(0) OK(9) }, { ANS, "987654321" } },
	  "GET /1 200 - 0 1\nGET /2 200 - 0 2\nGET /3 200 - 0 0\nGET /4 200 - 0 0\n"
	  "GET /5 200 - 0 *\nGET /6 200 - 0 0\nGET /7 200 - 0 9\n", .loose = true },
	{ "a request a call, answers later",
	  { { REQ, GET("/1") }, { REQ, GET("/2") }, { ANS, OK(1) "1" }, { REQ, GET("/3") }, { ANS, OK(2) "22" },
	    { ANS, OK(3) "333" } },
	  "GET /1 200 - 0 1\nGET /2 200 - 0 2\nGET /3 200 - 0 3\n", .loose = true },
	{ "HEAD among others",
	  { { REQ, GET("/1") "HEAD /2 HTTP/1.1\r\n\r\n" GET("/3") }, { ANS, OK(1) "1" OK(500) OK(2) "33" } },
	  "GET /1 200 - 0 1\nHEAD /2 200 - 0 0\nGET /3 200 - 0 2\n", .loose = true },
	{ "body over many calls",
	  { { REQ, POST("/a", 9010) "0123456789" }, { REQ, .n = 3000 }, { REQ, .n = 1 }, { REQ, .n = 5999 }, { ANS, OK(2) "ok" },
	    { REQ, GET("/b") }, { ANS, OK(0) } },
	  "POST /a 200 - 9010 2\nGET /b 200 - 0 0\n" },
	{ "a body that looks like messages",
	  { { REQ, POST("/a", 35) }, { REQ, "GET /x HTTP/1.1\r\nHost: hoho\r\n\r\nHTTP/" }, { ANS, OK(38) },
	    { ANS, "HTTP/1.1 500 Nope\r\nContent-Length: 2\r\n\r\n" }, { REQ, GET("/b") }, { ANS, OK(0) } },
	  "POST /a 200 - 35 38\nGET /b 200 - 0 0\n", .loose = true },
	{ "answer over many calls",
	  { { REQ, GET("/a") }, { ANS, OK(20000) }, { ANS, .n = 5 }, { ANS, .n = 9995 }, { ANS, .n = 10000 }, { REQ, GET("/b") },
	    { ANS, OK(5000) "0123456789" }, { ANS, .n = 4990 } },
	  "GET /a 200 - 0 20000\nGET /b 200 - 0 5000\n" },
	{ "sendfile",
	  { { REQ, GET("/a") }, { ANS, OK(20000) }, { FILE_, .n = 12000 }, { FILE_, .n = 8000 }, { REQ, GET("/b") },
	    { ANS, OK(500) }, { FILE_, .n = 500 }, { C_CLOSE } },
	  "GET /a 200 - 0 20000\nGET /b 200 - 0 500\n", .last = true },
	{ "spliced upload",
	  { { REQ, POST("/a", 12000) }, { SPLICE, .n = 12000 }, { ANS, OK(0) } }, "POST /a 200 - 12000 0\n" },
	{ "malformed",
	  { { REQ, "GET /a b c\r\n\r\n" }, { ANS, "HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nno\n" }, { S_CLOSE } },
	  "_OTHER  400 - 0 3\n", .last = true },
	{ "malformed, later",
	  { { REQ, GET("/a") }, { ANS, OK(0) }, { REQ, "nonsense\r\n" },
	    { ANS, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n" }, { REQ, GET("/b") }, { ANS, OK(0) } },
	  "GET /a 200 - 0 0\n_OTHER  400 - 0 0\nGET /b 200 - 0 0\n" },
	{ "two opinions about the length",
	  { { REQ, "POST /a HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc" },
	    { ANS, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n" }, { S_CLOSE } },
	  "_OTHER  400 - 0 0\n", .last = true },
	{ "garbage, answered",
	  { { REQ, "\x16\x03\x01\x02\x03 \n\n\r\n\r\n" }, { ANS, "HTTP/1.1 400 Bad Request\r\n\r\nTLS?" }, { S_CLOSE } },
	  "_OTHER  400 - 0 4\n", .last = true },
	{ "another protocol",
	  { { REQ, "\x01\x02\x03\n\n" }, { ANS, "\x07\x08\t\n" }, { REQ, "\x01\n\n" }, { ANS, "{}" }, { C_CLOSE } },
	  "", .last = true },
	{ "half a head, answered",
	  { { REQ, "GET /slow HTTP/1.1\r\nHo" }, { ANS, "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n" }, { S_CLOSE } },
	  "_OTHER  408 - 0 0\n", .last = true },
	{ "answered before it asked",
	  { { ANS, "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n" }, { S_CLOSE } }, "", .last = true },
	{ "no answer, the server closes",
	  { { REQ, GET("/a") }, { S_CLOSE } }, "GET /a 0 connection_closed|connection_closed 0 0\n", .last = true },
	{ "no answer, the client closes",
	  { { REQ, GET("/a") }, { C_CLOSE } }, "GET /a 0 client_closed|cancelled 0 0\n", .last = true },
	{ "no answer, reset",
	  { { REQ, GET("/a") }, { RESET } }, "GET /a 0 connection_reset|connection_reset 0 0\n", .last = true },
	{ "no answer, the network is gone",
	  { { REQ, GET("/a") }, { WAIT }, { TIMEOUT } }, "GET /a 0 timeout|timeout 0 0\n", .last = true },
	{ "several without an answer",
	  { { REQ, GET("/1") GET("/2") GET("/3") }, { ANS, OK(1) "1" }, { S_CLOSE } },
	  "GET /1 200 - 0 1\nGET /2 0 connection_closed|connection_closed 0 0\n"
	  "GET /3 0 connection_closed|connection_closed 0 0\n", .last = true, .loose = true },
	{ "the client goes in mid answer",
	  { { REQ, GET("/a") }, { ANS, OK(100) "0123456789" }, { C_CLOSE } },
	  "GET /a 200 client_closed|cancelled 0 10\n", .last = true },
	{ "the server goes in mid answer",
	  { { REQ, GET("/a") }, { ANS, OK(100) "0123456789" }, { S_CLOSE } },
	  "GET /a 200 connection_closed|connection_closed 0 10\n", .last = true },
	{ "the client goes in mid request",
	  { { REQ, POST("/a", 100) "0123456789" }, { C_CLOSE } }, "POST /a 0 client_closed|cancelled 10 0\n", .last = true },
	{ "half-closed after the request",
	  { { REQ, GET("/a") }, { C_HALF }, { ANS, "HTTP/1.0 200 OK\r\n\r\nhello" }, { S_CLOSE } },
	  "GET /a 200 - 0 5\n", .last = true },
	{ "answered before the body was there",
	  { { REQ, POST("/a", 20) "01234" }, { ANS, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n" }, { REQ, "567890123456789" },
	    { REQ, GET("/b") }, { ANS, OK(0) } },
	  "POST /a 413 - 5 0\nGET /b 200 - 0 0\n", .loose = true },
	{ "streamed both ways",
	  { { REQ, POST("/a", 12) "0123" }, { ANS, CHUNKED "1\r\nx\r\n" }, { REQ, "4567" }, { ANS, "1\r\ny\r\n" }, { REQ, "8901" },
	    { ANS, "0\r\n\r\n" } },
	  "POST /a 200 - 12 *\n" },
	{ "redeye comes in mid answer",
	  { { ANS, "aaa\r\n\r\nbbb ccc" }, { REQ, GET("/a") }, { ANS, OK(2) "ok" } }, "GET /a 200 - 0 2\n", .middle = true },
	{ "redeye comes before the answer",
	  { { ANS, OK(1000) }, { ANS, .n = 1000 }, { REQ, GET("/a") }, { ANS, OK(2) "ok" } }, "GET /a 200 - 0 2\n", .middle = true },
	{ "redeye comes before the answer to a HEAD",
	  { { ANS, OK(100) }, { REQ, GET("/a") }, { ANS, OK(2) "ok" }, { REQ, GET("/b") }, { ANS, OK(0) } },
	  "GET /a 200 - 0 2\nGET /b 200 - 0 0\n", .middle = true },
	{ "redeye comes in mid upload",
	  { { REQ, "hello world" }, { REQ, "some GET / text" }, { ANS, OK(2) "ok" }, { REQ, GET("/a") }, { ANS, OK(0) } },
	  "GET /a 200 - 0 0\n", .middle = true },
	{ "redeye comes in mid upload of binaries",
	  { { REQ, "\x01\x02\x03\n\n" }, { ANS, OK(2) "ok" }, { REQ, GET("/a") }, { ANS, OK(0) } },
	  "GET /a 200 - 0 0\n", .middle = true },
	{ "absolute form",
	  { { REQ, "GET http://example.org:8080/a/b?c HTTP/1.1\r\nHost: h\r\n\r\n" }, { ANS, OK(0) } }, "GET /a/b 200 - 0 0\n" },
	{ "asterisk form",
	  { { REQ, "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n" }, { ANS, OK(0) } }, "OPTIONS  200 - 0 0\n" },
	{ "unknown methods",
	  { { REQ, "BREW /pot HTTP/1.1\r\n\r\n" }, { ANS, "HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n" },
	    { REQ, "get /a HTTP/1.1\r\n\r\n" }, { ANS, OK(0) } },
	  "_OTHER /pot 418 - 0 0\n_OTHER /a 200 - 0 0\n" },
	{ "long path",
	  { { REQ, "GET /" A400 " HTTP/1.1\r\n\r\n" }, { ANS, OK(0) } }, "GET /" A400 " 200 - 0 0\n" },
	{ "long head over calls",
	  { { REQ, "GET /a HTTP/1.1\r\n" FIELD4000 }, { REQ, FIELD4000 "Content-Length: 3\r\n\r\nabc" }, { ANS, OK(0) },
	    { REQ, GET("/b") }, { ANS, "HTTP/1.1 200 OK\r\n" FIELD4000 }, { ANS, "Content-Length: 2\r\n\r\nok" } },
	  "GET /a 200 - 3 0\nGET /b 200 - 0 2\n", .loose = true },
	{ "head beyond one record",
	  { { REQ, "GET /a HTTP/1.1\r\n" FIELD4000 FIELD4000 "\r\n" }, { ANS, OK(0) }, { REQ, GET("/b") },
	    { ANS, "HTTP/1.1 200 OK\r\n" FIELD4000 FIELD4000 "\r\n" }, { ANS, .n = 20 }, { WAIT }, { REQ, GET("/c") }, { ANS, OK(0) } },
	  "GET /a 200 - 0 0\nGET /b 200 - 0 *\nGET /c 200 - 0 0\n", .loose = true },
	{ "head beyond the budget",
	  { { REQ, "GET /a HTTP/1.1\r\n" FIELD4000 }, { REQ, FIELD4000 }, { REQ, FIELD4000 }, { REQ, FIELD4000 }, { REQ, FIELD4000 "\r\n" },
	    { ANS, OK(0) }, { REQ, GET("/b") }, { ANS, OK(0) } },
	  "GET /a 200 - * 0\nGET /b 200 - 0 0\n", .loose = true },
	{ "no room for more open requests",
	  { { REQ, GET("/1") "HEAD /2 HTTP/1.1\r\n\r\n" GET("/3") }, { ANS, OK(1) "1" OK(7) OK(3) "333" }, { REQ, GET("/4") }, { ANS, OK(0) } },
	  "GET /1 200 - 0 1\nGET /4 200 - 0 0\n", .loose = true, .max_requests = 1 },
};
