/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The contract between redeye's BPF programs and its user space.
 *
 * Everything that crosses the ring buffer, and the one configuration block
 * that user space writes before load, is defined here and nowhere else. The
 * same bytes are what `redeye record` writes to a file and `redeye replay`
 * reads back, so these structures are append-only: a new field goes at the
 * end of a record or into a new kind, an enum value is never reused.
 *
 * Rules that keep it readable by both compilers and by an older replay:
 * fixed-width types only, explicit padding, no pointers, bitfields, bool or
 * `packed`. Every byte of a record is written before it is submitted.
 *
 * Compiled alone by gcc and by clang -target bpf with -Wpadded -Werror
 * (`make check`).
 */
#ifndef REDEYE_H
#define REDEYE_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#include "traceid.h"

#define RED_ABI_VERSION 1

/* Payload bytes that one record can carry, and that one message's head may
 * take in all before redeye stops looking for its end. */
#define RED_CAP_MAX     4096
#define RED_HEAD_BUDGET 16384

/* Of the payload of an HTTP/2 DATA frame, unless conn_poll says otherwise. */
#define RED_DATA_CAP 16

/* Directions are the process's own: bytes it received, bytes it sent. */
enum red_dir {
	RED_DIR_IN = 0,
	RED_DIR_OUT = 1,
};

enum red_ev_kind {
	RED_EV_NONE = 0,
	RED_EV_OPEN = 1,     /* struct red_ev_open: first sight of a connection */
	RED_EV_DATA = 2,     /* struct red_ev_data + cap_len bytes */
	RED_EV_EOF = 3,      /* struct red_ev_state: one direction ended */
	RED_EV_CLOSE = 4,    /* struct red_ev_state: the socket is gone */
	RED_EV_PROGRESS = 5, /* struct red_ev_state: answer to a poll, or TCP is over */
	RED_EV_FORK = 6,     /* struct red_ev_proc */
	RED_EV_EXEC = 7,     /* struct red_ev_proc, of a target perhaps with its words */
	RED_EV_EXIT = 8,     /* struct red_ev_proc */
	RED_EV_LISTEN = 9,   /* struct red_ev_proc, port set */
	RED_EV_CGROUP = 10,  /* struct red_ev_proc: moved to another cgroup */
	RED_EV_INJECT = 11,  /* struct red_ev_inject */
	/* Written by user space only (recordings): */
	RED_EV_PROCESS = 64, /* struct red_ev_process + strings */
};

/* Every record starts with this. */
struct red_hdr {
	__u32 len;   /* whole record, header included, bytes */
	__u16 kind;  /* enum red_ev_kind */
	__u16 cpu;   /* where it was written; for debugging only */
	__u64 ts_ns; /* CLOCK_MONOTONIC, when the call returned */
};

/* What a connection is. Addresses are in network order; an IPv4 address is
 * kept as IPv4-mapped IPv6; a UNIX socket has none. */
struct red_ev_open {
	struct red_hdr h;
	__u64 conn_id; /* never reused while redeye runs */
	__u64 sk;      /* key for conn_poll; zero in recordings */
	__u32 tgid;
	__u16 family;      /* AF_INET, AF_INET6, AF_UNIX */
	__u16 type;        /* SOCK_STREAM */
	__u16 local_port;  /* host order */
	__u16 remote_port; /* host order */
	__u8 established;  /* 1: seen from its first byte, 0: was open before redeye */
	__u8 pad[3];
	__u8 local_addr[16];
	__u8 remote_addr[16];
	__u64 ino; /* UNIX: the socket's inode number; TCP: its network namespace's, 0 unknown */
};

enum red_data_flags {
	RED_DATA_FIRST = 1 << 0,    /* first call after the direction changed */
	RED_DATA_NOBUF = 1 << 1,    /* bytes moved without a readable buffer */
	RED_DATA_TAIL_OK = 1 << 2,  /* other_tail holds the last bytes sent the other way */
	RED_DATA_READ_ERR = 1 << 3, /* the buffer could not be read (page not present) */
	RED_DATA_NONBLOCK = 1 << 4, /* the socket is set to O_NONBLOCK: an event loop's */
	RED_DATA_LATE = 1 << 5,  /* of a TLS layer: plaintext may have gone by before it was seen */
	RED_DATA_HELLO = 1 << 6, /* TLS on the wire, see below */
	RED_DATA_PIECES = 1 << 7, /* the bytes come in pieces, see struct red_piece */
};

enum red_data_more {
	RED_MORE_FRAME = 1 << 0, /* the record's first byte begins a frame (HTTP/2) */
};

/* With RED_DATA_PIECES: `cap_len` bytes of such headers, each with its `len` bytes behind
 * it and no padding, so that `skip` more bytes of the call, which were not copied, may lie
 * between any two. The sum of all `len` and `skip` is the record's `len`; a call that has
 * more to tell than RED_CAP_MAX makes several records, each of which has the offset of its
 * own first byte. */
struct red_piece {
	__u32 len;
	__u32 skip;
};

/* One call that moved bytes which a parser may want. Offsets count the bytes
 * of one direction since redeye first saw the connection; calls that were
 * only counted show as a jump of `off`.
 *
 * On a connection that speaks TLS the kernel side copies the first record of each
 * direction as it is on the wire (the ClientHello and ServerHello, perhaps by several
 * calls), flagged RED_DATA_HELLO, and nothing more of the wire. When a TLS library's
 * calls are found to belong to the connection, what follows is their plaintext, of
 * `layer` 1, and offsets start again at 0; each further layer (TLS inside of TLS)
 * likewise. One last RED_DATA_HELLO record without bytes says that application data
 * goes by and no library was found. */
struct red_ev_data {
	struct red_hdr h;
	__u64 conn_id;
	__u64 off;     /* offset of the call's first byte in its direction */
	__u32 len;     /* bytes that the call moved */
	__u32 cap_len; /* of these, from the first on, copied behind this struct */
	__u32 tgid;
	__u32 tid;
	__u8 dir;        /* enum red_dir */
	__u8 flags;      /* enum red_data_flags */
	__u16 syscall;   /* number of the system call, 0xffff unknown or none */
	__u16 layer;     /* 0: bytes as on the wire; n: plaintext, of the n-th TLS layer */
	__u16 more;      /* enum red_data_more */
	__u64 prev_ns;   /* last byte before this call, same direction; 0 none */
	__u64 other_off; /* bytes so far in the other direction */
	__u64 other_ns;  /* and the time of its last byte; 0 none */
	__u8 other_tail[8];
};

enum red_state_flags {
	RED_STATE_LOCAL = 1 << 0,    /* this side ended it (close, shutdown) */
	RED_STATE_PEER = 1 << 1,     /* the peer had ended it first */
	RED_STATE_RESET = 1 << 2,    /* by reset */
	RED_STATE_TIMEOUT = 1 << 3,  /* by retransmission or keep-alive timeout */
	RED_STATE_TAIL_IN = 1 << 4,  /* tail[RED_DIR_IN] is valid */
	RED_STATE_TAIL_OUT = 1 << 5, /* tail[RED_DIR_OUT] is valid */
	RED_STATE_OVER = 1 << 6,     /* TCP has ended; the process has not closed, and may read */
};

/* The counters of a connection at one moment. For RED_EV_EOF `dir` says which
 * direction ended; with RED_STATE_RESET it says that the peer has reset the
 * connection, of which the process may still read what came before. */
struct red_ev_state {
	struct red_hdr h;
	__u64 conn_id;
	__u64 off[2];     /* bytes so far, by enum red_dir */
	__u64 last_ns[2]; /* time of the last byte; 0 none */
	__u8 tail[2][8];  /* the last eight bytes, youngest last */
	__u32 tgid;
	__u8 dir;
	__u8 flags;  /* enum red_state_flags */
	__u16 layer; /* whose bytes are counted, see red_ev_data */
};

/* Life cycle. For RED_EV_FORK `other` is the parent's tgid, for RED_EV_EXIT
 * the exit code as in wait(2), for RED_EV_LISTEN the port. */
struct red_ev_proc {
	struct red_hdr h;
	__u32 tgid;
	__u32 other;
	__u8 comm[16];
};

/* What a target was started with. Follows the RED_EV_EXEC of one, and is followed by
 * the beginning of its arguments and of its environment: strings, each with its NUL but
 * for one that was cut. Never in a recording. */
struct red_exec_text {
	__u16 args_len; /* <= RED_EXEC_ARGS */
	__u16 env_len;  /* <= RED_EXEC_ENV */
	__u32 pad;
};

#define RED_EXEC_ARGS 512
#define RED_EXEC_ENV  3584

/* How the kernel side knows what a request is part of. */
enum red_link {
	RED_LINK_NONE = 0,   /* it does not: the request begins a trace */
	RED_LINK_THREAD = 1, /* sent by the thread that read the parent, and nothing else */
	RED_LINK_SOLE = 2,   /* the parent is all that the process serves */
};

/* How much it is: "traceparent: 00-<32>-<16>-<2>" CR LF. */
#define RED_INSERT 70

/* A traceparent header is about to be written into the request that begins at `off`
 * of what the process sends; `off` does not count inserted bytes. Comes before the
 * request's own record, and on a new connection before its RED_EV_OPEN. `undone`: it
 * was announced, but the kernel had no room for it. Ids: traceid.h. */
struct red_ev_inject {
	struct red_hdr h;
	__u64 conn_id;
	__u64 off;
	__u64 parent_conn_id; /* the request that is its parent; 0: none */
	__u64 parent_off;     /* red_place() of it */
	__u64 trace_hi;
	__u64 trace_lo;
	__u32 tgid;
	__u32 tid;
	__u8 flags; /* W3C trace flags, as written */
	__u8 link;  /* enum red_link */
	__u8 undone;
	__u8 pad[5];
};

/* What procs.c knew about a process; only in recordings, so that a replay
 * names services without /proc. `lens` follow each other as bytes. */
struct red_ev_process {
	struct red_hdr h;
	__u32 tgid;
	__u32 ppid;
	__u16 service_len;
	__u16 namespace_len;
	__u16 instance_len;
	__u16 exe_len;
};

/* Why an observed event did not become a record. NOT_WANTED is no loss: the
 * bytes are counted in the connection and reported with its next record. */
enum red_drop {
	RED_DROP_NOT_WANTED = 0,
	RED_DROP_RING_FULL = 1,
	RED_DROP_CONNS_FULL = 2,
	RED_DROP_NOT_STREAM = 3, /* not a TCP or UNIX stream socket */
	RED_DROP_PEEK = 4,       /* MSG_PEEK moves nothing */
	RED_DROP_STASH_FULL = 5, /* kprobe backend: no room for the call's arguments */
	RED_DROP_MISSED = 6,     /* kprobe backend: a call's return probe never ran */
	RED_DROP_CIPHERTEXT = 7, /* of a connection whose plaintext is seen */
	RED_DROP_NOT_JOINED = 8, /* plaintext of a TLS object whose socket is not known */
	RED_DROP_TLS_FULL = 9,   /* no room for the arguments of a TLS call */
	RED_DROP_RACE = 10,      /* another task used the scratch memory meanwhile */
	RED_DROP_SHARE = 11,     /* its service had its share of a ring that fills (share.h) */
	RED_DROP__CNT = 12,
};

/* Hooks, for the accounting; one row of struct red_stat each. */
enum red_hook {
	RED_HOOK_SEND = 0,
	RED_HOOK_RECV = 1,
	RED_HOOK_STATE = 2, /* connection state changes */
	RED_HOOK_PROC = 3,  /* fork, exec, exit, listen */
	RED_HOOK_POLL = 4,
	RED_HOOK_TLS = 5, /* calls of TLS libraries that moved plaintext */
	RED_HOOK__CNT = 6,
};

/* Per CPU and hook; observed == emitted + sum(dropped) at any quiet moment. */
struct red_stat {
	__u64 observed;
	__u64 emitted;
	__u64 dropped[RED_DROP__CNT];
	__u64 bytes;    /* written to the ring */
	__u64 nobuf;    /* emitted without payload: no buffer to read */
	__u64 read_err; /* emitted with less payload: the buffer was not readable */
	__u64 lost;     /* calls in which the position in HTTP/2's frames was lost */
};

/* What is known of a process: the byte of map `targets`. */
enum red_target {
	RED_TARGET_ON = 1 << 0,  /* selected */
	RED_TARGET_TLS = 1 << 1, /* a TLS library of it has probes; calls are told by thread */
	RED_TARGET_GO = 1 << 2,  /* its crypto/tls has; calls are told by goroutine, in R14 */
	RED_TARGET_GO_STACK =
		1 << 3,             /* the same before Go 1.17: goroutine in thread-local storage */
	RED_TARGET_RUSTLS = 1 << 4, /* its rustls has */
	RED_TARGET_READY = 1 << 5,  /* all that it has to have are in place */
	RED_TARGET_FED = 1 << 6,    /* what its OpenSSL is fed with is seen */
};

/* conn_poll commands, see bpf/commands.h. */
enum red_poll_cmd {
	RED_POLL_REPORT = 0, /* write a RED_EV_PROGRESS, or RED_EV_CLOSE if it is gone */
	RED_POLL_MODE_AUTO = 1,
	RED_POLL_MODE_NONE = 2, /* count only, copy nothing any more */
	RED_POLL_MODE_ALL = 3,  /* copy up to RED_CAP_MAX bytes of each call */
	RED_POLL_FORGET = 4,    /* delete the connection, no record */
	/* The request at the place in the fourth argument was answered: it is nobody's
	 * parent any more. */
	RED_POLL_ANSWERED = 5,
	/* It speaks HTTP/2: whole frames are copied, but of DATA frames only as many bytes
	 * of the payload as the fourth argument says. */
	RED_POLL_MODE_FRAMES = 6,
};

/* What became of requests on connections that could carry a header (propagate.h): one
 * of these for each, besides the last four, that count something else. */
enum red_prop {
	RED_PROP_INJECTED = 0,
	RED_PROP_NOT_HTTP = 1,
	RED_PROP_HAS_CONTEXT = 2, /* traceparent or B3 of its own */
	RED_PROP_SPLIT = 3,       /* the head was not sent in one piece, or is too long */
	RED_PROP_ODD = 4,         /* a head that is not quite as it should be */
	RED_PROP_TUNNEL = 5,      /* CONNECT, Upgrade */
	RED_PROP_PIPELINED = 6,   /* sent before the last was answered, or with others */
	RED_PROP_BUSY = 7,        /* bytes unsent, or the socket is closing */
	RED_PROP_LOST = 8,        /* bytes went past: where a request begins is not known */
	RED_PROP_UNKNOWN = 9,     /* the connection's counters do not say the same */
	RED_PROP_FOREIGN = 10,    /* its parent has a context that is not read here */
	RED_PROP_NOT_SELECTED = 11,
	RED_PROP_RACE = 12, /* another task used the scratch memory meanwhile */
	RED_PROP_RING_FULL = 13,
	RED_PROP_PUSH_FAILED = 14,
	RED_PROP_SOCKETS = 15,     /* connections taken in */
	RED_PROP_REMOVED = 16,     /* given back before their end */
	RED_PROP_HASH_FULL = 17,   /* connections not taken in */
	RED_PROP_NOT_COUNTED = 18, /* requests that are served, without room for them (context.h) */
	RED_PROP__CNT = 19,
};

/* Why the kernel side stopped itself, */
enum red_prop_off {
	RED_PROP_ON = 0,
	RED_PROP_OFF_PUSH = 1,  /* the header was inserted, but could not be written */
	RED_PROP_OFF_BYTES = 2, /* fewer bytes went out than were inserted */
	RED_PROP_OFF_USER = 3,  /* or user space did */
};

/* A process and a peer: the key of map `regular`. */
struct red_regular {
	__u32 tgid;
	__u16 port; /* host order */
	__u16 pad;
	__u8 addr[16]; /* as in red_ev_open */
};

/* The knobs, in .rodata: written before load, constant afterwards. */
struct red_config {
	__u32 own_tgid;      /* redeye itself, never captured */
	__u32 first_read;    /* bytes looked at before more are copied, <= 512 */
	__u32 wakeup_bytes;  /* wake the reader when so much waits in the ring */
	__u32 recvmsg_nargs; /* arguments of tcp_recvmsg: 6 before 5.19, 4 or 5 after */
	__u64 wakeup_ns;     /* ... or when the last wake-up is older than this */
	struct red_trace_key trace_key;
	__u32 propagate;        /* 1: keep contexts (context.h) */
	__u32 sample_parent;    /* 1: what a parent decided stands */
	__u64 sample_threshold; /* right-most 56 bits of a trace id from here on are sampled */
	__u64 debug_name[4];    /* header that asks for a trace: lower case, with colon */
	__u64 debug_mask[4];
	__u32 debug_len; /* 0: none */
	__u32 tls;       /* 1: connections that speak TLS are looked for (tls.h) */
	__u32 stash;     /* 1: threads that end may have left calls there (hooks_kprobe.h) */
	__u32 reads_w3c; /* 1: a parent's traceparent is; else its context is not known */
	__u64 ring_bytes;
};

/* Services that the kernel side keeps apart when the ring fills (share.h): the element of
 * map `shares` of each. The first is that of processes whose service it does not know. */
#define RED_SHARES 1024

struct red_share {
	__u64 episode; /* of a full ring, in which `bytes` were written */
	__u64 bytes;
	__u64 refused; /* records, ever (RED_DROP_SHARE) */
	__u64 pad;
};

#define RED_ASSERT_SIZE(t, n) _Static_assert(sizeof(struct t) == (n), #t " changed its size")
RED_ASSERT_SIZE(red_hdr, 16);
RED_ASSERT_SIZE(red_ev_open, 88);
RED_ASSERT_SIZE(red_ev_data, 88);
RED_ASSERT_SIZE(red_piece, 8);
RED_ASSERT_SIZE(red_ev_state, 80);
RED_ASSERT_SIZE(red_ev_proc, 40);
RED_ASSERT_SIZE(red_exec_text, 8);
RED_ASSERT_SIZE(red_ev_process, 32);
RED_ASSERT_SIZE(red_ev_inject, 80);
RED_ASSERT_SIZE(red_regular, 24);

#endif /* REDEYE_H */
