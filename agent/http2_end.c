// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http2_internal.h"

static void lose(struct http2 *h, enum red_dir dir)
{
	struct http2_half *f = &h->half[dir];

	hpack__forget(&f->hpack);
	http2_block__release(&f->block, h->env);
	f->at = HTTP2_AT_LOST;
	f->in_block = false;
}

void http2__gap(struct http2 *h, enum red_dir dir)
{
	http2_stat(h)->gaps++;
	if (!h->preface_due || dir == h->request_dir)
		http2_tell(h);
	lose(h, dir);
	http2__drop_all(h, PROTO_DROP_LOST);
}

void http2__drop(void *state, enum proto_drop why)
{
	struct http2 *h = state;

	http2__drop_all(h, why);
	lose(h, RED_DIR_IN);
	lose(h, RED_DIR_OUT);
	http2__streams_free(h);
}

void http2__lost(void *state)
{
	http2__drop(state, PROTO_DROP_LOST);
}

void http2__eof(void *state, enum red_dir dir, const struct proto_end *e)
{
	struct http2 *h = state;

	if (e->flags & RED_STATE_RESET) { /* not the end yet, but its time */
		h->reset_ns = e->ts_ns;
		return;
	}
	if (dir == RED_DIR_OUT && !h->out_eof_ns)
		h->out_eof_ns = e->ts_ns;
	if (http2_is_response(h, dir))
		http2__fail_all(h, e->ts_ns, e->flags);
}

void http2__close(void *state, const struct proto_end *e)
{
	struct http2 *h = state;
	uint64_t end_ns = e->ts_ns;
	uint8_t flags = e->flags;

	/* A client that gave up did so when it closed, not when the peer agreed. */
	if (http2_kind(h) == SPAN_CLIENT && h->out_eof_ns)
		end_ns = h->out_eof_ns;
	if (h->reset_ns) {
		end_ns = h->reset_ns;
		flags |= RED_STATE_RESET;
	}
	if (!e->goes_on)
		http2__fail_all(h, end_ns, flags);
	http2__drop(h, PROTO_DROP_LOST);
}
