/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The functions by which processes hand plaintext to their TLS library, and the BPF
 * programs (bpf/tls.h) that are to see each.
 */
#ifndef RED_TLS_FUNCTIONS_H
#define RED_TLS_FUNCTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tls_kind {
	TLS_OPENSSL = 0, /* and BoringSSL, LibreSSL, AWS-LC: the same names */
	TLS_GNUTLS = 1,
	TLS_NSPR = 2, /* what NSS is used by */
	TLS_RUSTLS = 3,
	TLS_GO = 4,
	TLS_NSS = 5, /* of these two is only asked whether they are there */
	TLS_JVM = 6,
	TLS_DOTNET = 7, /* the shim between .NET and OpenSSL: says what that is fed with */
	TLS_KIND__CNT = 8,
};

enum tls_role {
	TLS_READ = 1 << 0,
	TLS_WRITE = 1 << 1,
	TLS_OTHER = 1 << 2,
	TLS_MINIMUM = TLS_READ | TLS_WRITE, /* without these a library is not probed */
};

/* How the end of a call is seen. */
enum tls_return {
	TLS_RETURN_NONE = 0,
	TLS_RETURN_PROBE = 1, /* a return probe */
	TLS_RETURN_RETS = 2,  /* a probe at each RET: a return probe would break Go's stacks */
};

struct tls_function {
	uint8_t kind;       /* enum tls_kind */
	uint8_t role;       /* enum tls_role */
	const char *symbol; /* NULL: those that `match` says yes to */
	bool (*match)(const char *symbol);
	const char *entry; /* NULL: nothing is attached */
};

struct tls_library {
	const char *name;
	uint32_t marks;        /* enum red_target; of Go before 1.17 see tls_scan.c */
	const char *ret;       /* program at the end of each function, where `how` wants one */
	uint8_t how;           /* enum tls_return */
	const char *no_return; /* entry program of functions whose end is of no interest */
	bool only_with_nss;    /* probed in processes that map NSS as well, one by one */
	bool once;             /* a program of it that runs twice for a call counts it twice */
};

extern const struct tls_function tls_functions[];
extern const size_t tls_functions_n;
extern const struct tls_library tls_libraries[TLS_KIND__CNT];

/* rustls' methods, in either mangling. */
bool tls_functions__is_rustls_take(const char *symbol);
bool tls_functions__is_rustls_read(const char *symbol);
bool tls_functions__is_rustls_write(const char *symbol);
bool tls_functions__is_rustls_writev(const char *symbol);

#endif /* RED_TLS_FUNCTIONS_H */
