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
#define SECOND    1000000000ull

/* ---- conversations --------------------------------------------------------------------- */

enum what {
	END = 0,
	REQ,     /* the client sends s, or n letters */
	ANS,     /* the server does */
	FILE_,   /* the server sends n bytes that nobody can read (sendfile) */
	SPLICE,  /* the client does */
	C_CLOSE, /* the client closes */
	S_CLOSE, /* the server closes */
	C_HALF,  /* the client shuts down its sending side */
	RESET,   /* by the other side, whoever is observed */
	TIMEOUT, /* of the connection */
	WAIT,    /* nothing for seconds, and redeye asks */
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
	bool middle;  /* redeye comes when it is open already */
	bool loose;   /* cut in another way, the kernel does not capture every head */
	bool last;    /* no further request can follow */
	bool streams; /* requests while others wait, or so it seems; two losses can hide it */
	bool whole;   /* not to be played with records missing */
	uint32_t max_requests;
};

#define GET(path)     "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"
#define OK(n)         "HTTP/1.1 200 OK\r\nContent-Length: " #n "\r\n\r\n"
#define CHUNKED       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#define POST(path, n) "POST " path " HTTP/1.1\r\nContent-Length: " #n "\r\n\r\n"
#define A40           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A400          A40 A40 A40 A40 A40 A40 A40 A40 A40 A40
#define A4000         A400 A400 A400 A400 A400 A400 A400 A400 A400 A400
#define FIELD4000     "X: " A4000 "\r\n"

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* what is not said is zero */

static const struct conversation conversations[] = {
	{ "keep-alive",
	  { { REQ, GET("/a") }, { ANS, OK(5) "hello" }, { REQ, GET("/b?q=1") }, { ANS, OK(0) } },
	  "GET /a 200 - 0 5\nGET /b 200 - 0 0\n" },
	{ "bare line feeds",
	  { { REQ, "GET /a HTTP/1.1\nHost: h\n\n" },
	    { ANS, "HTTP/1.1 200 OK\nContent-Length: 2\n\nok" },
	    { REQ, GET("/b") },
	    { ANS, OK(0) } },
	  "GET /a 200 - 0 2\nGET /b 200 - 0 0\n" },
	{
		"empty lines between requests",
		{ { REQ, POST("/a", 2) "hi\r\n" },
		  { ANS, OK(0) },
		  { REQ, "\r\n" GET("/b") },
		  { ANS, OK(0) } },
		"POST /a 200 - 2 0\nGET /b 200 - 0 0\n",
	},
	{ "the first byte of the next request comes early",
	  { { REQ, GET("/a") },
	    { REQ, "G" },
	    { ANS, OK(2) "ok" },
	    { REQ, "ET /b HTTP/1.1\r\n\r\n" },
	    { ANS, OK(0) },
	    { REQ, GET("/c") },
	    { ANS, OK(0) } },
	  "GET /a 200 - 0 2\nGET /b 200 - 0 0\nGET /c 200 - 0 0\n",
	  .streams = true },
	{ "until close",
	  { { REQ, "GET /a HTTP/1.0\r\n\r\n" },
	    { ANS, "HTTP/1.0 200 OK\r\n\r\n<html>" },
	    { ANS, .n = 9000 },
	    { S_CLOSE } },
	  "GET /a 200 - 0 9006\n",
	  .last = true },
	{ "until close, but reset",
	  { { REQ, "GET /a HTTP/1.0\r\n\r\n" },
	    { ANS, "HTTP/1.0 200 OK\r\n\r\n<html>" },
	    { RESET } },
	  "GET /a 200 connection_reset|connection_reset 0 6\n",
	  .last = true },
	{ "until close, but the network is gone",
	  { { REQ, "GET /a HTTP/1.0\r\n\r\n" },
	    { ANS, "HTTP/1.0 200 OK\r\n\r\n<html>" },
	    { TIMEOUT } },
	  "GET /a 200 timeout|timeout 0 6\n",
	  .last = true },
	{ "chunked in one call",
	  { { REQ, GET("/a") },
	    { ANS, CHUNKED "5\r\nhello\r\n0\r\n\r\n" },
	    { REQ, GET("/b") },
	    { ANS, OK(0) } },
	  "GET /a 200 - 0 *\nGET /b 200 - 0 0\n" },
	{ "chunked, a call a chunk, extensions",
	  { { REQ, GET("/a") },
	    { ANS, CHUNKED },
	    { ANS, "5;x=\"y\"\r\nhello\r\n" },
	    { ANS, "A\r\n0123456789\r\n" },
	    { ANS, "0\r\n\r\n" } },
	  "GET /a 200 - 0 *\n" },
	{ "chunked, an extension at the end",
	  { { REQ, GET("/a") },
	    { ANS, CHUNKED "5\r\nhello\r\n" },
	    { ANS, "0;z\r\n\r\n" },
	    { REQ, GET("/b") },
	    { ANS, OK(0) } },
	  "GET /a 200 - 0 *\nGET /b 200 - 0 0\n" },
	{ "chunked with trailers",
	  { { REQ, GET("/a") },
	    { ANS, "HTTP/1.1 200 OK\r\nTrailer: T\r\nTransfer-Encoding: "
		   "chunked\r\n\r\n2\r\nab\r\n0\r\nT: 1\r\n\r\n" },
	    { REQ, GET("/b") },
	    { ANS, OK(0) } },
	  "GET /a 200 - 0 *\nGET /b 200 - 0 0\n" },
	{ "chunked with unannounced trailers, then closed",
	  { { REQ, GET("/a") }, { ANS, CHUNKED "2\r\nab\r\n0\r\nT: 1\r\n\r\n" }, { S_CLOSE } },
	  "GET /a 200 - 0 *\n",
	  .last = true },
	{ "chunked, cut off",
	  { { REQ, GET("/a") },
	    { ANS, CHUNKED "5\r\nhello\r\n" },
	    { ANS, "5\r\nwo" },
	    { S_CLOSE } },
	  "GET /a 200 connection_closed|connection_closed 0 *\n",
	  .last = true },
	{ "chunked upload",
	  { { REQ, "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" },
	    { REQ, "3\r\nabc\r\n" },
	    { REQ, "0\r\n\r\n" },
	    { ANS, OK(2) "ok" },
	    { REQ, GET("/b") },
	    { ANS, OK(0) } },
	  "POST /a 200 - * 2\nGET /b 200 - 0 0\n" },
	{ "HEAD, 204, 304",
	  { { REQ, "HEAD /a HTTP/1.1\r\n\r\n" },
	    { ANS, OK(1000) },
	    { REQ, "DELETE /b HTTP/1.1\r\n\r\n" },
	    { ANS, "HTTP/1.1 204 No Content\r\n\r\n" },
	    { REQ, GET("/c") },
	    { ANS, "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n" },
	    { REQ, GET("/d") },
	    { ANS, OK(1) "x" } },
	  "HEAD /a 200 - 0 0\nDELETE /b 204 - 0 0\nGET /c 304 - 0 0\nGET /d 200 - 0 1\n" },
	{
		"interim answers",
		{ { REQ, GET("/a") },
		  { ANS, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" },
		  { ANS, "HTTP/1.1 102 Processing\r\n\r\n" OK(3) "abc" } },
		"GET /a 200 - 0 3\n",
	},
	{ "expect",
	  { { REQ, "PUT /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\n" },
	    { ANS, "HTTP/1.1 100 Continue\r\n\r\n" },
	    { REQ, "foobar" },
	    { ANS, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n" } },
	  "PUT /a 201 - 6 0\n" },
	{ "expect, refused",
	  { { REQ, "PUT /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\n" },
	    { ANS, "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n" },
	    { S_CLOSE } },
	  "PUT /a 417 - 0 0\n",
	  .last = true },
	{ "upgrade",
	  { { REQ, "GET /ws HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n" },
	    { ANS, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n" },
	    { REQ, "\x81\x05hello" },
	    { ANS, "\x81\x02hi" },
	    { S_CLOSE } },
	  "GET /ws 101 - 0 0\n",
	  .last = true },
	{ "HTTP in a tunnel",
	  { { REQ, "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n" },
	    { ANS, "HTTP/1.1 200 OK\r\n\r\n" },
	    { REQ, GET("/in-it") },
	    { ANS, OK(0) },
	    { S_CLOSE } },
	  "CONNECT  200 - 0 0\n",
	  .last = true,
	  .whole = true },
	{ "tunnel",
	  { { REQ, "CONNECT a.b:443 HTTP/1.1\r\nHost: a.b:443\r\n\r\n" },
	    { ANS, "HTTP/1.1 200 Connection established\r\n\r\n" },
	    { REQ, "\x16\x03\x01 hello" },
	    { ANS, "\x16\x03\x03" },
	    { C_CLOSE } },
	  "CONNECT  200 - 0 0\n",
	  .last = true },
	{ "tunnel, refused",
	  { { REQ, "CONNECT a.b:443 HTTP/1.1\r\nHost: a.b:443\r\n\r\n" },
	    { ANS, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nno\n" },
	    { REQ, GET("/b") },
	    { ANS, OK(0) } },
	  "CONNECT  502 - 0 3\nGET /b 200 - 0 0\n" },
	{ "two at once, answers in one call",
	  { { REQ, GET("/1") GET("/2") },
	    { ANS, OK(1) "1" OK(2) "22" },
	    { REQ, GET("/3") },
	    { ANS, OK(0) } },
	  "GET /1 200 - 0 1\nGET /2 200 - 0 2\nGET /3 200 - 0 0\n",
	  .loose = true },
	{ "three at once, an answer a call",
	  { { REQ, GET("/1") POST("/2", 3) "abc" GET("/3") },
	    { ANS, OK(1) "1" },
	    { ANS, OK(0) },
	    { ANS, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n" } },
	  "GET /1 200 - 0 1\nPOST /2 200 - 3 0\nGET /3 404 - 0 0\n",
	  .loose = true },
	{ "seven at once",
	  { { REQ, GET("/1") GET("/2") GET("/3") GET("/4") GET("/5") GET("/6") GET("/7") },
	    { ANS, OK(1) "1" OK(2) "22" OK(0) OK(0) },
	    { ANS, CHUNKED "1\r\nx\r\n0\r\n\r\n" OK(0) OK(9) },
	    { ANS, "987654321" } },
	  "GET /1 200 - 0 1\nGET /2 200 - 0 2\nGET /3 200 - 0 0\nGET /4 200 - 0 0\n"
	  "GET /5 200 - 0 *\nGET /6 200 - 0 0\nGET /7 200 - 0 9\n",
	  .loose = true },
	{ "a request a call, answers later",
	  { { REQ, GET("/1") },
	    { REQ, GET("/2") },
	    { ANS, OK(1) "1" },
	    { REQ, GET("/3") },
	    { ANS, OK(2) "22" },
	    { ANS, OK(3) "333" } },
	  "GET /1 200 - 0 1\nGET /2 200 - 0 2\nGET /3 200 - 0 3\n",
	  .streams = true },
	{ "HEAD among others",
	  { { REQ, GET("/1") "HEAD /2 HTTP/1.1\r\n\r\n" GET("/3") },
	    { ANS, OK(1) "1" OK(500) OK(2) "33" } },
	  "GET /1 200 - 0 1\nHEAD /2 200 - 0 0\nGET /3 200 - 0 2\n",
	  .loose = true },
	{ "body over many calls",
	  { { REQ, POST("/a", 9010) "0123456789" },
	    { REQ, .n = 3000 },
	    { REQ, .n = 1 },
	    { REQ, .n = 5999 },
	    { ANS, OK(2) "ok" },
	    { REQ, GET("/b") },
	    { ANS, OK(0) } },
	  "POST /a 200 - 9010 2\nGET /b 200 - 0 0\n" },
	{ "a body that looks like messages",
	  { { REQ, POST("/a", 36) },
	    { REQ, "GET /x HTTP/1.1\r\nHost: hoho\r\n\r\nHTTP/" },
	    { ANS, OK(40) },
	    { ANS, "HTTP/1.1 500 Nope\r\nContent-Length: 2\r\n\r\n" },
	    { REQ, GET("/b") },
	    { ANS, OK(0) } },
	  "POST /a 200 - 36 40\nGET /b 200 - 0 0\n",
	  .streams = true },
	{ "answer over many calls",
	  { { REQ, GET("/a") },
	    { ANS, OK(20000) },
	    { ANS, .n = 5 },
	    { ANS, .n = 9995 },
	    { ANS, .n = 10000 },
	    { REQ, GET("/b") },
	    { ANS, OK(5000) "0123456789" },
	    { ANS, .n = 4990 } },
	  "GET /a 200 - 0 20000\nGET /b 200 - 0 5000\n" },
	{ "sendfile",
	  { { REQ, GET("/a") },
	    { ANS, OK(20000) },
	    { FILE_, .n = 12000 },
	    { FILE_, .n = 8000 },
	    { REQ, GET("/b") },
	    { ANS, OK(500) },
	    { FILE_, .n = 500 },
	    { C_CLOSE } },
	  "GET /a 200 - 0 20000\nGET /b 200 - 0 500\n",
	  .last = true },
	{ "spliced upload",
	  { { REQ, POST("/a", 12000) }, { SPLICE, .n = 12000 }, { ANS, OK(0) } },
	  "POST /a 200 - 12000 0\n" },
	{ "malformed",
	  { { REQ, "GET /a b c\r\n\r\n" },
	    { ANS, "HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nno\n" },
	    { S_CLOSE } },
	  "_OTHER  400 - 0 3\n",
	  .last = true },
	{ "malformed, later",
	  { { REQ, GET("/a") },
	    { ANS, OK(0) },
	    { REQ, "nonsense\r\n" },
	    { ANS, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n" },
	    { REQ, GET("/b") },
	    { ANS, OK(0) } },
	  "GET /a 200 - 0 0\n_OTHER  400 - 0 0\nGET /b 200 - 0 0\n" },
	{ "two opinions about the length",
	  { { REQ, "POST /a HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc" },
	    { ANS, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n" },
	    { S_CLOSE } },
	  "_OTHER  400 - 0 0\n",
	  .last = true,
	  .whole = true },
	{ "garbage, answered",
	  { { REQ, "\x16\x03\x01\x02\x03 \n\n\r\n\r\n" },
	    { ANS, "HTTP/1.1 400 Bad Request\r\n\r\nTLS?" },
	    { S_CLOSE } },
	  "_OTHER  400 - 0 4\n",
	  .last = true },
	{ "another protocol",
	  { { REQ, "\x01\x02\x03\n\n" },
	    { ANS, "\x07\x08\t\n" },
	    { REQ, "\x01\n\n" },
	    { ANS, "{}" },
	    { C_CLOSE } },
	  "",
	  .last = true },
	{ "half a head, answered",
	  { { REQ, "GET /slow HTTP/1.1\r\nHo" },
	    { ANS, "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n" },
	    { S_CLOSE } },
	  "_OTHER  408 - 0 0\n",
	  .last = true },
	{ "answered before it asked",
	  { { ANS, "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n" }, { S_CLOSE } },
	  "",
	  .last = true },
	{ "no answer, the server closes",
	  { { REQ, GET("/a") }, { S_CLOSE } },
	  "GET /a 0 connection_closed|connection_closed 0 0\n",
	  .last = true },
	{ "no answer, the client closes",
	  { { REQ, GET("/a") }, { C_CLOSE } },
	  "GET /a 0 client_closed|cancelled 0 0\n",
	  .last = true },
	{ "no answer, reset",
	  { { REQ, GET("/a") }, { RESET } },
	  "GET /a 0 connection_reset|connection_reset 0 0\n",
	  .last = true },
	{ "no answer, the network is gone",
	  { { REQ, GET("/a") }, { WAIT }, { TIMEOUT } },
	  "GET /a 0 timeout|timeout 0 0\n",
	  .last = true },
	{
		"several without an answer",
		{ { REQ, GET("/1") GET("/2") GET("/3") }, { ANS, OK(1) "1" }, { S_CLOSE } },
		"GET /1 200 - 0 1\nGET /2 0 connection_closed|connection_closed 0 0\n"
		"GET /3 0 connection_closed|connection_closed 0 0\n",
		.last = true,
	},
	{ "the client goes in mid answer",
	  { { REQ, GET("/a") }, { ANS, OK(100) "0123456789" }, { C_CLOSE } },
	  "GET /a 200 client_closed|cancelled 0 10\n",
	  .last = true },
	{ "the server goes in mid answer",
	  { { REQ, GET("/a") }, { ANS, OK(100) "0123456789" }, { S_CLOSE } },
	  "GET /a 200 connection_closed|connection_closed 0 10\n",
	  .last = true },
	{ "the client goes in mid request",
	  { { REQ, POST("/a", 100) "0123456789" }, { C_CLOSE } },
	  "POST /a 0 client_closed|cancelled 10 0\n",
	  .last = true },
	{ "half-closed after the request",
	  { { REQ, GET("/a") }, { C_HALF }, { ANS, "HTTP/1.0 200 OK\r\n\r\nhello" }, { S_CLOSE } },
	  "GET /a 200 - 0 5\n",
	  .last = true },
	{
		"answered before the body was there",
		{ { REQ, POST("/a", 20) "01234" },
		  { ANS, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n" },
		  { REQ, "567890123456789" },
		  { REQ, GET("/b") },
		  { ANS, OK(0) } },
		"POST /a 413 - 5 0\nGET /b 200 - 0 0\n",
	},
	{ "streamed both ways",
	  { { REQ, POST("/a", 12) "0123" },
	    { ANS, CHUNKED "1\r\nx\r\n" },
	    { REQ, "4567" },
	    { ANS, "1\r\ny\r\n" },
	    { REQ, "8901" },
	    { ANS, "0\r\n\r\n" } },
	  "POST /a 200 - 12 *\n" },
	{ "redeye comes in mid answer",
	  { { ANS, "aaa\r\n\r\nbbb ccc" }, { REQ, GET("/a") }, { ANS, OK(2) "ok" } },
	  "GET /a 200 - 0 2\n",
	  .middle = true },
	{ "redeye comes before the answer",
	  { { ANS, OK(1000) }, { ANS, .n = 1000 }, { REQ, GET("/a") }, { ANS, OK(2) "ok" } },
	  "GET /a 200 - 0 2\n",
	  .middle = true },
	{ "redeye comes before the answer to a HEAD",
	  { { ANS, OK(100) },
	    { REQ, GET("/a") },
	    { ANS, OK(2) "ok" },
	    { REQ, GET("/b") },
	    { ANS, OK(0) } },
	  "GET /a 200 - 0 2\nGET /b 200 - 0 0\n",
	  .middle = true },
	{ "redeye comes in mid upload",
	  { { REQ, "hello world" },
	    { REQ, "some get / text" },
	    { ANS, OK(2) "ok" },
	    { REQ, GET("/a") },
	    { ANS, OK(0) } },
	  "GET /a 200 - 0 0\n",
	  .middle = true },
	{ "redeye comes in mid upload of binaries",
	  { { REQ, "\x01\x02\x03\n\n" }, { ANS, OK(2) "ok" }, { REQ, GET("/a") }, { ANS, OK(0) } },
	  "GET /a 200 - 0 0\n",
	  .middle = true },
	{ "absolute form",
	  { { REQ, "GET http://example.org:8080/a/b?c HTTP/1.1\r\nHost: h\r\n\r\n" },
	    { ANS, OK(0) } },
	  "GET /a/b 200 - 0 0\n" },
	{ "asterisk form",
	  { { REQ, "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n" }, { ANS, OK(0) } },
	  "OPTIONS  200 - 0 0\n" },
	{ "unknown methods",
	  { { REQ, "BREW /pot HTTP/1.1\r\n\r\n" },
	    { ANS, "HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n" },
	    { REQ, "get /a HTTP/1.1\r\n\r\n" },
	    { ANS, OK(0) } },
	  "_OTHER /pot 418 - 0 0\n_OTHER /a 200 - 0 0\n" },
	{ "long path",
	  { { REQ, "GET /" A400 " HTTP/1.1\r\n\r\n" }, { ANS, OK(0) } },
	  "GET /" A400 " 200 - 0 0\n" },
	{ "long head over calls",
	  { { REQ, "GET /a HTTP/1.1\r\n" FIELD4000 },
	    { REQ, FIELD4000 "Content-Length: 3\r\n\r\nabc" },
	    { ANS, OK(0) },
	    { REQ, GET("/b") },
	    { ANS, "HTTP/1.1 200 OK\r\n" FIELD4000 },
	    { ANS, "Content-Length: 2\r\n\r\nok" } },
	  "GET /a 200 - 3 0\nGET /b 200 - 0 2\n",
	  .loose = true },
	{ "head beyond one record",
	  { { REQ, "GET /a HTTP/1.1\r\n" FIELD4000 FIELD4000 "\r\n" },
	    { ANS, OK(0) },
	    { REQ, GET("/b") },
	    { ANS, "HTTP/1.1 200 OK\r\n" FIELD4000 FIELD4000 "Content-Length: 20\r\n\r\n" },
	    { ANS, .n = 20 },
	    { WAIT },
	    { REQ, GET("/c") },
	    { ANS, OK(0) } },
	  "GET /a 200 - 0 0\nGET /b 200 - 0 *\nGET /c 200 - 0 0\n",
	  .loose = true },
	{ "head beyond the budget",
	  { { REQ, "GET /a HTTP/1.1\r\n" FIELD4000 },
	    { REQ, FIELD4000 },
	    { REQ, FIELD4000 },
	    { REQ, FIELD4000 },
	    { REQ, FIELD4000 "\r\n" },
	    { ANS, OK(0) },
	    { REQ, GET("/b") },
	    { ANS, OK(0) } },
	  "GET /a 200 - * 0\nGET /b 200 - 0 0\n",
	  .loose = true },
	{ "no room for more open requests",
	  { { REQ, GET("/1") "HEAD /2 HTTP/1.1\r\n\r\n" GET("/3") },
	    { ANS, OK(1) "1" OK(7) OK(3) "333" },
	    { REQ, GET("/4") },
	    { ANS, OK(0) } },
	  "GET /1 200 - 0 1\nGET /4 200 - 0 0\n",
	  .loose = true,
	  .max_requests = 1 },
};

#define N_CONVERSATIONS (sizeof(conversations) / sizeof(conversations[0]))

/* ---- playing one ------------------------------------------------------------------------- */

struct seen {
	char text[600]; /* as a line of `want` */
	uint64_t start_ns, end_ns, request_end_ns, response_start_ns;
	uint32_t flags;
};

struct play {
	const struct conversation *c;
	bool server; /* the server is observed, else the client */
	bool tail;   /* two more requests behind the conversation */
	enum wire_mode mode;
	int cut[MAX_CUTS], n_cuts; /* before these bytes a call ends; -1: before each */
	int lose[2];               /* numbers of records, -1: none */

	struct wire w;
	struct conn_table *conns;
	struct proto_env env;
	struct seen seen[MAX_SPANS];
	int n_seen, n_records, started, ended;
	uint64_t ts_of[MAX_BYTES]; /* when each byte, or end, of the conversation happened */
	int at;
	uint64_t waited_ns;
};

static struct options options = { .max_connections = 1000 };
static struct header_wants *wants;
static struct service service = { .refs = 1, .name = "s", .namespace = "", .instance = "" };

static void on_start(void *arg, struct request *r)
{
	((struct play *)arg)->started++;
}

static void on_end(void *arg, struct request *r)
{
	((struct play *)arg)->ended++;
}

static void on_span(void *arg, struct span *s)
{
	struct play *p = arg;
	struct seen *k = &p->seen[p->n_seen++];
	const char *error = s->error_type ? s->error_type : "-";
	char status[12];

	assert_true(p->n_seen <= MAX_SPANS);
	assert_int_equal(s->kind, p->server ? SPAN_SERVER : SPAN_CLIENT);
	assert_int_equal(s->tgid, 42);
	assert_ptr_equal(s->service, &service);
	snprintf(status, sizeof(status), "%u", s->status);
	if (s->status >= (p->server ? 500 : 400)) { /* the status is the error, or hides it */
		assert_string_equal(error, status);
		error = "-";
	}
	snprintf(k->text, sizeof(k->text), "%s %.*s %u %s %llu %llu", s->method, (int)s->path.len,
		 s->path.p, s->status, error, (unsigned long long)s->request_body_bytes,
		 (unsigned long long)s->response_body_bytes);
	k->start_ns = s->start_ns;
	k->end_ns = s->end_ns;
	k->request_end_ns = s->request_end_ns;
	k->response_start_ns = s->response_start_ns;
	k->flags = s->flags;
}

static struct service *service_of(void *arg, uint32_t tgid)
{
	return &service;
}

static bool process_ended(void *arg, uint32_t tgid)
{
	return false;
}

static void account(const struct play *p)
{
	const struct proto_stat *st = &p->env.stat[0];
	uint64_t sum = st->emitted + st->in_flight;
	int i;

	for (i = 0; i < PROTO_DROP__CNT; i++)
		sum += st->dropped[i];
	assert_int_equal(st->observed, sum);
	assert_int_equal(st->emitted, p->n_seen);
	assert_int_equal(p->started - p->ended, st->in_flight);
}

static void on_record(void *arg, const void *record, size_t size)
{
	struct play *p = arg;
	const struct red_hdr *h = record;
	int n = p->n_records++;

	if (n == p->lose[0] || n == p->lose[1])
		return;
	if (h->kind == RED_EV_OPEN)
		conn_table__open(p->conns, record);
	else if (h->kind == RED_EV_DATA)
		conn_table__data(p->conns, record);
	else
		conn_table__state(p->conns, record);
	account(p);
}

static uint64_t ts(const struct play *p, int at)
{
	return 1000 + at * 10ull + p->waited_ns;
}

static bool cut_before(const struct play *p, int at)
{
	int i;

	for (i = 0; i < p->n_cuts; i++)
		if (p->cut[i] == at || p->cut[i] == -1)
			return true;
	return false;
}

static void bytes(struct play *p, const struct step *s)
{
	static char letters[MAX_BYTES];
	uint32_t n = s->s ? strlen(s->s) : s->n, from = 0, i;
	const char *b = s->s ? s->s : memset(letters, 'z', n);
	bool client = s->what == REQ || s->what == SPLICE;
	int dir = client == p->server ? RED_DIR_IN : RED_DIR_OUT;

	if (s->what == FILE_ || s->what == SPLICE)
		b = NULL;
	assert_true(p->at + n < MAX_BYTES);
	for (i = 1; i <= n; i++) {
		if (i < n && !cut_before(p, p->at + i))
			continue;
		for (uint32_t k = from; k < i; k++)
			p->ts_of[p->at + k] = ts(p, p->at + i - 1);
		wire_call(&p->w, dir, b ? b + from : NULL, i - from, ts(p, p->at + i - 1));
		from = i;
	}
	p->at += n;
}

/* `mine`: the observed process closes first. */
static void closes(struct play *p, bool mine)
{
	uint64_t now = p->ts_of[p->at] = ts(p, p->at);

	p->at++;
	if (!mine) {
		p->w.peer_fin = true;
		wire_state(&p->w, RED_EV_EOF, RED_DIR_IN, RED_STATE_PEER, now);
	}
	wire_state(&p->w, RED_EV_EOF, RED_DIR_OUT, RED_STATE_LOCAL, now);
	wire_state(&p->w, RED_EV_CLOSE, 0, 0, now);
}

static void half_closes(struct play *p, bool mine)
{
	p->w.peer_fin = !mine;
	wire_state(&p->w, RED_EV_EOF, mine ? RED_DIR_OUT : RED_DIR_IN,
		   mine ? RED_STATE_LOCAL : RED_STATE_PEER, ts(p, p->at));
}

static void breaks(struct play *p, uint8_t flags)
{
	uint64_t now = p->ts_of[p->at] = ts(p, p->at);

	p->at++;
	if (flags & RED_STATE_RESET) /* told when it happens; the process may notice later */
		wire_state(&p->w, RED_EV_EOF, RED_DIR_IN, flags, now);
	wire_state(&p->w, RED_EV_CLOSE, 0, flags, flags & RED_STATE_RESET ? now + 5 : now);
}

/* Two polls, as conn_table__tick would ask for. */
static void waits(struct play *p)
{
	int i;

	for (i = 0; i < 2; i++) {
		p->waited_ns += 2 * SECOND;
		wire_state(&p->w, RED_EV_PROGRESS, 0, 0, ts(p, p->at));
	}
}

static void step(struct play *p, const struct step *s)
{
	switch (s->what) {
	case C_CLOSE:
		closes(p, !p->server);
		break;
	case S_CLOSE:
		closes(p, p->server);
		break;
	case C_HALF:
		half_closes(p, !p->server);
		break;
	case RESET:
		breaks(p, RED_STATE_RESET);
		break;
	case TIMEOUT:
		breaks(p, RED_STATE_TIMEOUT);
		break;
	case WAIT:
		waits(p);
		break;
	default:
		bytes(p, s);
	}
}

static const struct step later[] = {
	{ REQ, GET("/later") }, { ANS, OK(4) "1234" }, { REQ, GET("/last") }, { ANS, OK(1) "1" }
};

static void play(struct play *p)
{
	struct conn_table_config cfg = { .max_conns = 10, .env = &p->env };
	size_t i;

	p->env = (struct proto_env){
		.ops = { .start = on_start,
			 .end = on_end,
			 .span = on_span,
			 .service = service_of,
			 .ended = process_ended,
			 .arg = p },
		.wants = wants,
		.options = &options,
		.max_requests = p->c->max_requests ? p->c->max_requests : 100,
		.max_head_bytes = 1 << 20,
	};
	p->conns = conn_table__new(&cfg);
	p->n_seen = p->n_records = p->started = p->ended = p->at = 0;
	p->waited_ns = 0;
	wire_init(&p->w, on_record, p);
	p->w.mode = p->mode;
	p->w.established = !p->c->middle;
	for (i = 0; i < MAX_STEPS && p->c->steps[i].what != END; i++)
		step(p, &p->c->steps[i]);
	if (p->tail && !p->c->last) {
		p->waited_ns += 2 * SECOND;
		for (i = 0; i < sizeof(later) / sizeof(later[0]); i++)
			bytes(p, &later[i]);
	}
	waits(p);
	account(p);
	conn_table__free(p->conns);
	assert_int_equal(p->env.stat[0].in_flight, 0);
	assert_int_equal(p->env.head_bytes, 0);
	account(p);
}

/* ---- judging ------------------------------------------------------------------------------- */

/* Is the line what was wanted? `errors` in want are "server|client", '*' is any number. */
static bool line_is(const char *line, const char *want, size_t want_len, bool server)
{
	const char *end = want + want_len, *bar = memchr(want, '|', want_len), *sp;
	char one[600];
	size_t n;

	if (bar) { /* cut the other side's word out */
		for (sp = bar; sp > want && sp[-1] != ' '; sp--)
			;
		n = snprintf(one, sizeof(one), "%.*s", (int)(sp - want), want);
		if (server)
			n += snprintf(one + n, sizeof(one) - n, "%.*s", (int)(bar - sp), sp);
		sp = memchr(bar, ' ', end - bar);
		if (!server)
			n += snprintf(one + n, sizeof(one) - n, "%.*s", (int)(sp - bar - 1),
				      bar + 1);
		snprintf(one + n, sizeof(one) - n, "%.*s", (int)(end - sp), sp);
	} else {
		snprintf(one, sizeof(one), "%.*s", (int)want_len, want);
	}
	for (want = one; *want && *line; want++, line++) {
		if (*want == '*')
			for (; line[1] >= '0' && line[1] <= '9';)
				line++;
		else if (*want != *line)
			return false;
	}
	return !*want && !*line;
}

static const char *describe(const struct play *p)
{
	static char text[4096];
	int i, n;

	n = snprintf(text, sizeof(text), "\"%s\" (%s, mode %d, cuts %d: %d %d, lost %d %d):\n",
		     p->c->name, p->server ? "server" : "client", p->mode, p->n_cuts, p->cut[0],
		     p->cut[1], p->lose[0], p->lose[1]);
	for (i = 0; i < p->n_seen; i++)
		n += snprintf(text + n, sizeof(text) - n, "%.80s\n", p->seen[i].text);
	return text;
}

/* What a head said beyond its start line is not known when the rest did not come. */
static bool span_is(const struct play *p, const struct seen *k, const char *want, size_t len)
{
	const char *end = want + len;
	int i, fields = 3; /* method, path, status */

	if (!(k->flags & SPAN_HEAD_CUT) || (p->lose[0] < 0 && !p->c->loose))
		return line_is(k->text, want, len, p->server);
	for (i = 0; want < end && k->text[i] == *want; i++)
		if (*want++ == ' ' && !--fields)
			return true;
	return false;
}

/* Every transaction seen is one of those wanted, in their order. Returns how many are missing;
 * which[i] becomes the number of the i-th seen. */
static int judge(const struct play *p, int *which)
{
	char want[4096];
	const char *line = want, *nl;
	int i = 0, n = 0, missing = 0;

	snprintf(want, sizeof(want), "%s%s", p->c->want,
		 p->tail && !p->c->last ? "GET /later 200 - 0 4\nGET /last 200 - 0 1\n" : "");
	for (; (nl = strchr(line, '\n')); line = nl + 1, n++) {
		if (i < p->n_seen && span_is(p, &p->seen[i], line, nl - line))
			which[i++] = n;
		else
			missing++;
	}
	if (i < p->n_seen)
		fail_msg("wrong: %s", describe(p));
	return missing;
}

static void play_whole(struct play *p, const struct conversation *c, bool server, enum wire_mode m)
{
	memset(p, 0, offsetof(struct play, w));
	p->c = c;
	p->server = server;
	p->mode = m;
	p->lose[0] = p->lose[1] = -1;
}

/* Where each transaction begins and ends, as numbers of bytes, from a run that sees each byte
 * at its own time. */
struct truth {
	int start[MAX_SPANS], end[MAX_SPANS];
};

static int index_of(const struct play *p, uint64_t ts_ns)
{
	int i;

	for (i = 0; i < p->at; i++)
		if (p->ts_of[i] == ts_ns)
			return i;
	fail_msg("no byte at %llu: %s", (unsigned long long)ts_ns, describe(p));
	return -1;
}

static void find_truth(struct play *p, struct truth *t)
{
	int which[MAX_SPANS], i;

	p->n_cuts = 1;
	p->cut[0] = -1;
	play(p);
	if (judge(p, which))
		fail_msg("missing: %s", describe(p));
	for (i = 0; i < p->n_seen; i++) {
		t->start[i] = index_of(p, p->seen[i].start_ns);
		t->end[i] = index_of(p, p->seen[i].end_ns);
	}
}

static void check_times(const struct play *p, const struct truth *t, const int *which)
{
	int i;

	for (i = 0; i < p->n_seen; i++) {
		const struct seen *s = &p->seen[i];

		if (s->start_ns != p->ts_of[t->start[which[i]]])
			fail_msg("start of %s in %s", s->text, describe(p));
		if (s->end_ns != p->ts_of[t->end[which[i]]] &&
		    !(p->c->loose && s->flags & SPAN_LENGTH_INFERRED))
			fail_msg("end of %s in %s", s->text, describe(p));
		assert_true(!s->request_end_ns || s->request_end_ns >= s->start_ns);
		assert_true(!s->response_start_ns || s->response_start_ns <= s->end_ns);
	}
}

static void play_and_check(struct play *p, const struct truth *t)
{
	int which[MAX_SPANS];

	play(p);
	if (judge(p, which) && (p->mode == WIRE_ALL || !p->c->loose))
		fail_msg("missing: %s", describe(p));
	check_times(p, t, which);
}

static bool worth_cutting(const struct conversation *c, int at)
{
	int from = 0, len;
	size_t i;

	for (i = 0; i < MAX_STEPS && c->steps[i].what != END; i++, from += len) {
		len = c->steps[i].s ? (int)strlen(c->steps[i].s) : (int)c->steps[i].n;
		len = len ? len : c->steps[i].what != WAIT && c->steps[i].what != C_HALF;
		if (at < from + len) /* of a long one only the ends and some of the middle */
			return len < 700 || at - from < 60 || from + len - at < 60 ||
			       (at - from) % 509 < 2;
	}
	return false;
}

static struct play the_play; /* large */

static void for_each(enum wire_mode mode, void (*fn)(struct play *p, const struct truth *t))
{
	struct truth t;
	size_t i;
	int server;

	for (i = 0; i < N_CONVERSATIONS; i++) {
		for (server = 0; server < 2; server++) {
			play_whole(&the_play, &conversations[i], server, WIRE_ALL);
			find_truth(&the_play, &t);
			play_whole(&the_play, &conversations[i], server, mode);
			fn(&the_play, &t);
		}
	}
}

/* ---- tests ------------------------------------------------------------------------------------
 */

static void whole(struct play *p, const struct truth *t)
{
	int which[MAX_SPANS];

	play(p);
	if (judge(p, which))
		fail_msg("missing: %s", describe(p));
	check_times(p, t, which);
	p->tail = true;
	play(p);
	if (judge(p, which))
		fail_msg("missing: %s", describe(p));
}

static void as_sent(void **state)
{
	for_each(WIRE_AUTO, whole);
	for_each(WIRE_ALL, whole);
}

static void byte_by_byte(struct play *p, const struct truth *t)
{
	p->n_cuts = 1;
	p->cut[0] = -1;
	play_and_check(p, t);
}

static void each_split(struct play *p, const struct truth *t)
{
	int total = p->at;

	for (p->cut[0] = 1, p->n_cuts = 1; p->cut[0] < total; p->cut[0]++)
		if (worth_cutting(p->c, p->cut[0]))
			play_and_check(p, t);
}

static void each_pair_of_splits(struct play *p, const struct truth *t)
{
	int total = p->at;

	if (total > 260)
		return;
	p->n_cuts = 2;
	for (p->cut[0] = 1; p->cut[0] < total; p->cut[0]++)
		for (p->cut[1] = p->cut[0] + 1; p->cut[1] < total; p->cut[1]++)
			play_and_check(p, t);
}

static void cut_anywhere(void **state)
{
	for_each(WIRE_AUTO, byte_by_byte);
	for_each(WIRE_AUTO, each_split);
	for_each(WIRE_ALL, each_split);
}

static void cut_twice(void **state)
{
	for_each(WIRE_AUTO, each_pair_of_splits);
	for_each(WIRE_ALL, each_pair_of_splits);
}

static void blind(struct play *p, const struct truth *t)
{
	play(p);
	assert_int_equal(p->n_seen, 0);
	assert_int_equal(p->env.stat[0].observed, 0);
}

static void nothing_but_offsets(void **state)
{
	for_each(WIRE_OFFSETS, blind);
}

/* The first record announces the connection: without it there is none. */
static void lose_and_judge(struct play *p)
{
	int which[MAX_SPANS], missing;

	play(p);
	missing = judge(p, which);
	if (p->c->last || p->c->loose || p->c->streams)
		return;
	if (p->n_seen < 1 || strcmp(p->seen[p->n_seen - 1].text, "GET /last 200 - 0 1"))
		fail_msg("not right again, %d missing: %s", missing, describe(p));
}

static void lose_each(struct play *p, const struct truth *t)
{
	int n;

	if (p->c->whole)
		return;
	p->tail = true;
	play(p);
	n = p->n_records - (p->c->last ? 0 : 4); /* polls and the last request are not lost */
	for (p->lose[0] = 1; p->lose[0] < n; p->lose[0]++) {
		p->lose[1] = -1;
		lose_and_judge(p);
		for (p->lose[1] = p->lose[0] + 1; p->lose[1] < n && !p->c->streams; p->lose[1]++)
			lose_and_judge(p);
	}
	p->lose[1] = -1;
	p->n_cuts = 1;
	p->cut[0] = 40;
	for (p->lose[0] = 1; p->lose[0] < n; p->lose[0]++)
		lose_and_judge(p);
}

static void records_lost(void **state)
{
	for_each(WIRE_AUTO, lose_each);
	for_each(WIRE_ALL, lose_each);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_sent),      cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(cut_twice),    cmocka_unit_test(nothing_but_offsets),
		cmocka_unit_test(records_lost),
	};
	char *formats[] = { "tracecontext", "b3" };
	struct options traced = { .propagators = { formats, 2 },
				  .request_id_header = "Host",
				  .debug_header = "Content-Length" };
	int failed;

	wants = header_wants__new(&traced);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	header_wants__free(wants);
	http1_txn__free_pool();
	return failed;
}
