/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Return probes for functions in which many threads block, see kretprobe.c. */
#ifndef RED_KRETPROBE_H
#define RED_KRETPROBE_H

struct bpf_link;
struct bpf_program;

/* Attaches p to the return of a kernel function. NULL and errno. */
struct bpf_link *kretprobe__attach(const struct bpf_program *p, const char *function);

/* Removes the definitions that this process made, after the links are destroyed,
 * and those of a redeye that was killed. */
void kretprobe__sweep(void);

#endif /* RED_KRETPROBE_H */
