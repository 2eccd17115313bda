// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * redeye's BPF programs, as one object. Read them in this order: redeye.h (the
 * records), maps.h (configuration, accounting), share.h (the ring), capture.h (where
 * the bytes are), conn.h and moved.h (what a call is worth), frames.h and conn_frames.h
 * (and one of HTTP/2), tls.h (plaintext and its socket), io.h (the way in). Then the
 * hooks, thin shims that say in what context they run and what they miss:
 *
 *   hooks_sock.h      sock_send_length, sock_recv_length tracepoints   Linux 6.3+
 *   hooks_fentry.h    fexit on the TCP and UNIX send and receive functions
 *   hooks_kprobe.h    kprobe + kretprobe on the same functions
 *   hooks_syscall.h   the sys_exit tracepoint, for all system calls
 *   hooks_state.h     how connections begin and end
 *   process.h         fork, exec, exit
 *   tls_probes.h      the uprobes
 *   propagate.h       what writes into requests, only if asked to
 *   commands.h        attached nowhere: user space runs them
 *
 * The first four are backends and see the same calls: user space attaches one of them.
 * All are optional: what the kernel refuses costs only its own feature (agent/loader.c).
 *
 * What runs for calls asks is_target() before it touches anything else; what runs when processes
 * and connections come and go is rare.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "redeye.h"
#include "maps.h"
#include "share.h"
#include "capture.h"
#include "header.h"
#include "context.h"
#include "frames.h"
#include "tls_objects.h"
#include "conn.h"
#include "conn_frames.h"
#include "moved.h"
#include "tls.h"
#include "io.h"
#include "tls_probes.h"
#include "propagate.h"
#include "stash.h"
#include "process.h"
#include "hooks_sock.h"
#include "hooks_fentry.h"
#include "hooks_kprobe.h"
#include "hooks_syscall.h"
#include "hooks_state.h"
#include "commands.h"

char _license[] SEC("license") = "Dual BSD/GPL";
