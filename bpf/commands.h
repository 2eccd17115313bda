/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Commands from user space: run with BPF_PROG_TEST_RUN, attached nowhere. User space must not write
 * the maps itself: updating an element would undo what was counted, or which neighbour was marked,
 * in the meantime. */
#ifndef RED_COMMANDS_H
#define RED_COMMANDS_H

/* args: tgid, flags (enum red_target), share. Without RED_TARGET_ON they are added to those
 * of a process that is a target; none at all: it is no target any more. With a share (a place
 * in `shares`) but 0, it is only this that is set, of a target; without a tgid, the share
 * begins anew. */
SEC("?raw_tp")
int target_set(struct bpf_raw_tracepoint_args *ctx)
{
	__u8 *on = target_byte(ctx->args[0]), flags = ctx->args[1];
	__u32 tgid = ctx->args[0], share = ctx->args[2];

	if (!on)
		return 1;
	if (share && !tgid) {
		share_begin(share);
		return 0;
	}
	if (share) {
		if (*on & RED_TARGET_ON)
			bpf_map_update_elem(&share_of, &tgid, &share, BPF_ANY);
		return 0;
	}
	if (!flags)
		share_forget(tgid);
	if (!flags)
		*on = 0;
	else if (flags & RED_TARGET_ON || *on & RED_TARGET_ON)
		*on |= flags;
	return 0;
}

/* args: sock address, connection id, enum red_poll_cmd, for some a place (red_place()):
 * a mode is for the layer that user space knew of, and where the place has an offset,
 * RED_POLL_MODE_FRAMES has the bytes of DATA that are wanted. */
SEC("?raw_tp")
int conn_poll(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 key = ctx->args[0];
	__u64 id = ctx->args[1], cmd = ctx->args[2];
	struct red_conn *c = bpf_map_lookup_elem(&conns, &key);
	__u32 reset;

	if (!c || c->id != id)
		return -1;
	switch (cmd) {
	case RED_POLL_REPORT:
		if (!sock_gone((struct sock *)key, c->ident)) {
			conn_report(c->sk, RED_HOOK_POLL, RED_EV_PROGRESS, RED_REPORT(0, 0));
			return 0;
		}
		reset = c->flags & RED_CONN_RESET ? RED_STATE_RESET : RED_STATE_LOCAL;
		conn_report(c->sk, RED_HOOK_POLL, RED_EV_CLOSE, RED_REPORT(0, reset));
		conn_forget(c, key);
		return 1;
	case RED_POLL_MODE_AUTO:
	case RED_POLL_MODE_NONE:
	case RED_POLL_MODE_ALL:
		if (red_place(c->layer, 0) != ctx->args[3])
			return 0;
		if (cmd == RED_POLL_MODE_AUTO)
			c->flags &= ~RED_CONN_PIPELINED;
		c->mode = cmd;
		/* Requests are not seen any more, nor is their end. */
		if (cmd == RED_POLL_MODE_NONE)
			conn_served(c, 0);
		c->d[0].known = c->d[1].known = 0;
		return 0;
	case RED_POLL_MODE_FRAMES:
		if (c->layer != ctx->args[3] >> 48)
			return 0;
		c->data_cap = ctx->args[3];
		if (c->mode != cmd)
			conn_frames_begin(c, key);
		return 0;
	case RED_POLL_FORGET:
		conn_forget(c, key);
		return 0;
	case RED_POLL_ANSWERED:
		if (red_cfg.propagate && !(c->asked & RED_ASKED_SHARED))
			context_close(id_of(id, ctx->args[3], RED_ID_SPAN));
		return 0;
	}
	return -1;
}

#endif /* RED_COMMANDS_H */
