/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is remembered of TLS: which connection a TLS object belongs to, and the TLS
 * calls under way. Used by conn.h and tls.h; sizes marked 1 are set before load. */
#ifndef RED_TLS_OBJECTS_H
#define RED_TLS_OBJECTS_H

/* A library's object (SSL *, gnutls_session_t, *tls.Conn), or who makes a call: a
 * thread by its number, a goroutine by its address. All are of one process only. */
struct red_tls_key {
	__u64 who;
	__u32 tgid;
	__u32 goroutine; /* 1: who is one */
};

struct red_tls_conn {
	__u64 sk;
	__u64 conn_id;
	__u64 released; /* 1: SSL_free() was called; but an object has as many owners as it likes */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct red_tls_key);
	__type(value, struct red_tls_conn);
} tls_objs SEC(".maps");

enum red_tls_kind {
	RED_TLS_READ = 1, /* returns how many bytes, as do WRITE and SENDFILE */
	RED_TLS_WRITE = 2,
	RED_TLS_SENDFILE = 3,
	RED_TLS_READ_EX = 4, /* returns 1, leaves how many at `aux` */
	RED_TLS_WRITE_EX = 5,
	RED_TLS_READ_EARLY = 6, /* returns 1 or 2, the same */
	RED_TLS_SEND_EARLY = 7, /* returns 0 for all `len` bytes */
	RED_TLS_SHUTDOWN = 8,
	RED_TLS_OTHER = 9,       /* moves no plaintext; the socket calls inside are of interest */
	RED_TLS_READ_INNER = 10, /* as READ_EX; 0: the peer sends no more */
	RED_TLS_RUST_READ = 11,  /* Result<usize>: 0 and how many in the second register */
	RED_TLS_RUST_WRITE = 12,
	RED_TLS_RUST_WRITEV = 13, /* the same with an iovec array of `len` elements */
};

enum red_tls_call_flags {
	RED_TLS_STRICT = 1 << 0, /* the function is used for other things than TLS as well */
};

/* What a call that has ended says. */
struct red_tls_frame {
	__u64 obj;
	__u64 buf;
	__u64 len;
	__u64 aux;
	__u8 kind;
	__u8 flags;
	__u8 nested;
	__u8 told;
	__u8 pad[4];
};

/* The task's call of a TLS library, or if obj is 0, its last socket call. */
struct red_tls_call {
	__u64 obj;
	__u64 buf;
	__u64 len;
	__u64 aux;
	__u64 sp;      /* of the caller; tells an inner call from the outer */
	__u64 last_sk; /* received ciphertext that no library is known for, or rustls */
	__u64 last_id; /* its connection */
	__u64 parked;  /* rustls: object of a write whose socket call is to follow */
	__u64 n;       /* how many bytes that was */
	__u8 kind;     /* enum red_tls_kind */
	__u8 flags;    /* enum red_tls_call_flags */
	__u8 nested;   /* a socket call was made inside */
	__u8 inner_kind;
	__u8 inner_nested;
	__u8 told; /* what it writes was, when it was sent */
	__u8 pad[2];
	/* A write that is made from within a read or a handshake, by a callback: of this
	 * object or another. Of a goroutine: the call inside that began last. */
	__u64 inner_obj;
	__u64 inner_buf;
	__u64 inner_len;
	__u64 inner_aux;
	__u64 inner_sp; /* of a goroutine: how deep in its stack the outer one was called */
};

/* Nobody deletes those of goroutines that wait when their process ends: the oldest make
 * way. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct red_tls_key);
	__type(value, struct red_tls_call);
} tls_calls SEC(".maps");

static const struct red_tls_call red_no_call = {};

/* Ciphertext that a process received and has not fed to its library yet: by how its record
 * begins behind the header, the connection. Nobody deletes what is never fed. */
#define RED_FED_BYTES 64
#define RED_FED_LEAST 32 /* fewer do not tell one from the others */

struct red_tls_head {
	__u8 bytes[RED_FED_BYTES]; /* behind the last: zeros */
	__u32 tgid;
};

struct red_tls_came {
	__u64 sk;
	__u64 conn_id; /* 0: more than one received it */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct red_tls_head);
	__type(value, struct red_tls_came);
} tls_came SEC(".maps");

/* The object is gone, or its connection is. */
static __noinline int tls_obj_forget(__u64 obj, __u32 tgid, __u64 conn_id)
{
	struct red_tls_key key = { .who = obj, .tgid = tgid };
	struct red_tls_conn *o = bpf_map_lookup_elem(&tls_objs, &key);

	if (o && o->conn_id == conn_id)
		bpf_map_delete_elem(&tls_objs, &key);
	return 0;
}

/* A thread has ended, perhaps within a call. */
static __always_inline void tls_thread_gone(__u32 tgid, __u32 tid)
{
	struct red_tls_key key = { .who = (__u64)tgid << 32 | tid, .tgid = tgid };

	bpf_map_delete_elem(&tls_calls, &key);
}

#endif /* RED_TLS_OBJECTS_H */
