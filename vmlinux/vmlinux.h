/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The slice of the kernel's types that redeye's BPF programs read.
 *
 * Only names matter: every access is relocated at load time against the
 * running kernel's own BTF (CO-RE), so a structure lists just the fields that
 * are used, in any order, and is the same for every kernel version. To add a
 * field, look it up in `bpftool btf dump file /sys/kernel/btf/vmlinux format c`
 * on the oldest and the newest kernel of the test matrix. What differs between
 * kernels is told apart where it is used, with bpf_core_*_exists().
 *
 * Registers differ per architecture: vmlinux/ARCH/arch.h.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __s32 s32;
typedef __u64 u64;
typedef __s64 s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;
enum { false, true };

/* Stable user ABI (uapi/linux/bpf.h, socket.h, tcp_states.h). */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PROG_ARRAY = 3,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_SOCKHASH = 18,
	BPF_MAP_TYPE_SK_STORAGE = 24,
	BPF_MAP_TYPE_RINGBUF = 27,
};

enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_F_NO_PREALLOC = 1U << 0,
	BPF_SK_STORAGE_GET_F_CREATE = 1U << 0,
	BPF_F_MMAPABLE = 1U << 10,
};

enum {
	BPF_RB_NO_WAKEUP = 1,
	BPF_RB_FORCE_WAKEUP = 2,
};

enum {
	BPF_RB_AVAIL_DATA = 0,
};

enum {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT = 2,
	TCP_SYN_RECV = 3,
	TCP_FIN_WAIT1 = 4,
	TCP_FIN_WAIT2 = 5,
	TCP_CLOSE = 7,
	TCP_CLOSE_WAIT = 8,
	TCP_LAST_ACK = 9,
	TCP_LISTEN = 10,
	TCP_CLOSING = 11,
};

enum {
	BPF_SOCK_OPS_TCP_CONNECT_CB = 3,
	BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB = 4,
	BPF_SOCK_OPS_PARSE_HDR_OPT_CB = 13,
	BPF_SOCK_OPS_HDR_OPT_LEN_CB = 14,
};

enum {
	BPF_SOCK_OPS_PARSE_ALL_HDR_OPT_CB_FLAG = 1 << 4,
	BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG = 1 << 6,
};

enum {
	SK_DROP = 0,
	SK_PASS = 1,
};

#define SEND_SHUTDOWN 2

#define AF_UNIX  1
#define AF_INET  2
#define AF_INET6 10

#define SOCK_STREAM 1

#define MSG_PEEK     0x02
#define MSG_ERRQUEUE 0x2000
#define RCV_SHUTDOWN 1
#define MSG_TRUNC    0x20

#define O_NONBLOCK 04000

#define S_IFMT   0170000
#define S_IFSOCK 0140000

#define EAGAIN     11
#define EEXIST     17
#define ECONNRESET 104
#define EPIPE      32
#define ETIMEDOUT  110

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* Used only to ask whether the kernel has a helper. */
enum bpf_func_id___red {
	BPF_FUNC_task_pt_regs___red = 175,
};

struct in6_addr {
	union {
		__u8 u6_addr8[16];
	} in6_u;
};

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	unsigned long skc_flags;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct socket;

typedef struct {
	int owned;
} socket_lock_t;

struct sk_buff_head {
	__u32 qlen;
};

struct sock {
	struct sock_common __sk_common;
	socket_lock_t sk_lock;
	struct sk_buff_head sk_receive_queue;
	struct socket *sk_socket;
	u16 sk_type;
	int sk_err;
	int sk_sndbuf;
	int sk_wmem_queued;
	u8 sk_shutdown;
};

enum sock_flags___red {
	SOCK_ZEROCOPY___red = 0,
};

struct inet_connection_sock {
	const void *icsk_ulp_ops;
};

struct tcp_sock {
	u32 rcv_nxt;
	u32 copied_seq;
	u32 write_seq;
	u32 snd_una;
	u64 bytes_received;
	u64 bytes_acked;
	u32 mss_cache;
	u8 repair : 1;
	u8 syn_data : 1;
	bool is_mptcp;
};

struct file;

struct socket {
	struct file *file;
	struct sock *sk;
};

struct inode {
	unsigned short i_mode;
	unsigned long i_ino;
};

struct file {
	unsigned int f_flags;
	struct inode *f_inode;
	void *private_data;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live;
};

struct thread_info {
	u32 status;
};

struct thread_struct {
	unsigned long fsbase; /* x86 */
};

struct mm_struct {
	unsigned long arg_start, arg_end, env_start, env_end;
};

struct task_struct {
	struct thread_info thread_info;
	struct thread_struct thread;
	void *stack;
	int pid;
	int tgid;
	int exit_code;
	char comm[16];
	struct files_struct *files;
	struct signal_struct *signal;
	struct task_struct *group_leader;
	struct mm_struct *mm;
};

/* Records of perf tracepoints (events/sock/, events/raw_syscalls/). */
struct trace_event_raw_sock_msg_length {
	const void *sk;
	int ret;
	int flags;
};

struct trace_event_raw_sys_exit {
	long id;
	long ret;
};

struct linux_binprm;
struct cgroup;
struct msghdr {
	unsigned int msg_flags;
};

#pragma clang attribute pop

struct bpf_raw_tracepoint_args {
	__u64 args[0];
};

struct bpf_sock;

struct sk_msg_md {
	void *data;
	void *data_end;
	__u32 family;
	__u32 remote_ip4, local_ip4;
	__u32 remote_ip6[4], local_ip6[4];
	__u32 remote_port, local_port;
	__u32 size;
	struct bpf_sock *sk;
};

struct bpf_sock_ops {
	__u32 op;
	__u32 args[4];
	__u32 family;
	__u32 remote_ip4, local_ip4;
	__u32 remote_ip6[4], local_ip6[4];
	__u32 remote_port, local_port;
	__u32 is_fullsock;
	__u32 snd_cwnd, srtt_us;
	__u32 bpf_sock_ops_cb_flags;
	__u32 unused[20];
	__u64 bytes_received, bytes_acked;
	struct bpf_sock *sk;
	void *skb_data;
	void *skb_data_end;
	__u32 skb_len;
	__u32 skb_tcp_flags;
};

#include "arch.h"

#endif /* __VMLINUX_H__ */
