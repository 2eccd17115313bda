/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef RED_HTTP2_H
#define RED_HTTP2_H

#include <stdbool.h>
#include <stddef.h>

#include "proto.h"

struct http_txn;

/* Are these bytes the client's connection preface, or the first of it, enough to tell? */
bool http2__is_preface(const char *p, size_t len);

/*
 * HTTP/1 has handed its connection over: `conn->state` is this protocol's from now on. The
 * client of the request that asked for it, the answer to which is stream 1's, speaks in
 * direction `request`. `upgraded` is that request, or NULL.
 */
void http2__take_over(struct conn *c, struct proto_env *env, enum red_dir request,
		      struct http_txn *upgraded);

#endif /* RED_HTTP2_H */
