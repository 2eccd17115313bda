// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tls_functions.h"

#include <string.h>

#include "redeye.h"

/* clang-format off */
const struct tls_library tls_libraries[TLS_KIND__CNT] = {
	[TLS_OPENSSL] = { .name = "OpenSSL", .marks = RED_TARGET_TLS, .ret = "uretprobe_tls",
			  .how = TLS_RETURN_PROBE, .no_return = "uprobe_tls_free" },
	[TLS_GNUTLS]  = { .name = "GnuTLS", .marks = RED_TARGET_TLS, .ret = "uretprobe_tls",
			  .how = TLS_RETURN_PROBE, .no_return = "uprobe_tls_free" },
	[TLS_NSPR]    = { .name = "NSPR", .marks = RED_TARGET_TLS, .ret = "uretprobe_tls",
			  .how = TLS_RETURN_PROBE, .no_return = "uprobe_tls_free",
			  .only_with_nss = true },
	[TLS_RUSTLS]  = { .name = "rustls", .marks = RED_TARGET_RUSTLS | RED_TARGET_TLS,
			  .ret = "uretprobe_tls", .how = TLS_RETURN_PROBE,
			  .no_return = "uprobe_rustls_take", .once = true },
	[TLS_GO]      = { .name = "Go", .marks = RED_TARGET_GO, .ret = "uprobe_go_return",
			  .how = TLS_RETURN_RETS },
	[TLS_NSS]     = { .name = "NSS" },
	[TLS_JVM]     = { .name = "JVM" },
	[TLS_DOTNET]  = { .name = ".NET", .marks = RED_TARGET_FED, .how = TLS_RETURN_NONE,
			  .once = true },
};

#define OPENSSL(role_, symbol_, entry_) \
	{ .kind = TLS_OPENSSL, .role = role_, .symbol = symbol_, .entry = entry_ }
#define GNUTLS(role_, symbol_, entry_) \
	{ .kind = TLS_GNUTLS, .role = role_, .symbol = symbol_, .entry = entry_ }
#define NSPR(role_, symbol_, entry_) \
	{ .kind = TLS_NSPR, .role = role_, .symbol = symbol_, .entry = entry_ }
#define GO(role_, symbol_, entry_) \
	{ .kind = TLS_GO, .role = role_, .symbol = symbol_, .entry = entry_ }

/* Those that move bytes come first: they are attached in this order. */
const struct tls_function tls_functions[] = {
	OPENSSL(TLS_READ,  "SSL_read",             "uprobe_tls_read"),
	OPENSSL(TLS_WRITE, "SSL_write",            "uprobe_tls_write"),
	OPENSSL(TLS_READ,  "SSL_read_ex",          "uprobe_tls_read_ex"),
	OPENSSL(TLS_WRITE, "SSL_write_ex",         "uprobe_tls_write_ex"),
	OPENSSL(TLS_WRITE, "SSL_write_ex2",        "uprobe_tls_write_ex2"),
	OPENSSL(TLS_OTHER, "SSL_do_handshake",     "uprobe_tls_handshake"),
	OPENSSL(TLS_OTHER, "SSL_connect",          "uprobe_tls_handshake"),
	OPENSSL(TLS_OTHER, "SSL_accept",           "uprobe_tls_handshake"),
	OPENSSL(TLS_OTHER, "SSL_free",             "uprobe_tls_free"),
	OPENSSL(TLS_OTHER, "SSL_shutdown",         "uprobe_tls_shutdown"),
	OPENSSL(TLS_OTHER, "SSL_sendfile",         "uprobe_tls_sendfile"),
	OPENSSL(TLS_OTHER, "SSL_read_early_data",  "uprobe_tls_read_early"),
	OPENSSL(TLS_OTHER, "SSL_write_early_data", "uprobe_tls_write_ex"),
	OPENSSL(TLS_OTHER, "SSL_peek",             "uprobe_tls_handshake"),
	OPENSSL(TLS_OTHER, "SSL_peek_ex",          "uprobe_tls_handshake"),

	GNUTLS(TLS_READ,  "gnutls_record_recv",            "uprobe_tls_read"),
	GNUTLS(TLS_WRITE, "gnutls_record_send",            "uprobe_tls_write"),
	GNUTLS(TLS_WRITE, "gnutls_record_send2",           "uprobe_tls_write"),
	GNUTLS(TLS_READ,  "gnutls_record_recv_seq",        "uprobe_tls_read"),
	GNUTLS(TLS_OTHER, "gnutls_handshake",              "uprobe_tls_handshake"),
	GNUTLS(TLS_OTHER, "gnutls_record_uncork",          "uprobe_tls_handshake"),
	GNUTLS(TLS_OTHER, "gnutls_deinit",                 "uprobe_tls_free"),
	GNUTLS(TLS_OTHER, "gnutls_bye",                    "uprobe_tls_shutdown"),
	GNUTLS(TLS_OTHER, "gnutls_record_send_file",       "uprobe_tls_sendfile"),
	GNUTLS(TLS_OTHER, "gnutls_record_recv_early_data", "uprobe_tls_read"),
	GNUTLS(TLS_OTHER, "gnutls_record_send_early_data", "uprobe_tls_send_early"),

	NSPR(TLS_READ,  "PR_Read",  "uprobe_nspr_read"),
	NSPR(TLS_WRITE, "PR_Write", "uprobe_nspr_write"),
	NSPR(TLS_READ,  "PR_Recv",  "uprobe_nspr_recv"),
	NSPR(TLS_WRITE, "PR_Send",  "uprobe_nspr_write"),
	NSPR(TLS_OTHER, "PR_Close", "uprobe_tls_free"),

	/* A program may have several of each: client and server, versions of the crate. What
	 * was seen by `take` is not counted again by `read` (bpf/tls.h). */
	{ .kind = TLS_RUSTLS, .role = TLS_READ, .match = tls_functions__is_rustls_take,
	  .entry = "uprobe_rustls_take" },
	{ .kind = TLS_RUSTLS, .role = TLS_READ, .match = tls_functions__is_rustls_read,
	  .entry = "uprobe_rustls_read" },
	{ .kind = TLS_RUSTLS, .role = TLS_WRITE, .match = tls_functions__is_rustls_write,
	  .entry = "uprobe_rustls_write" },
	{ .kind = TLS_RUSTLS, .role = TLS_WRITE, .match = tls_functions__is_rustls_writev,
	  .entry = "uprobe_rustls_writev" },

	GO(TLS_READ,  "crypto/tls.(*Conn).Read",  "uprobe_go_read"),
	GO(TLS_WRITE, "crypto/tls.(*Conn).Write", "uprobe_go_write"),
	/* What runs once for a connection. Handshake() and what is in it run in each Read and
	 * Write as well, to find that there is nothing to do. */
	GO(TLS_OTHER, "crypto/tls.(*Conn).serverHandshake", "uprobe_go_handshake"),
	GO(TLS_OTHER, "crypto/tls.(*Conn).clientHandshake", "uprobe_go_handshake"),

	{ .kind = TLS_DOTNET, .role = TLS_MINIMUM, .symbol = "CryptoNative_BioWrite",
	  .entry = "uprobe_tls_feed" },

	{ .kind = TLS_NSS, .role = TLS_OTHER, .symbol = "SSL_ImportFD" },
	{ .kind = TLS_JVM, .role = TLS_OTHER, .symbol = "JNI_CreateJavaVM" },
};
/* clang-format on */

const size_t tls_functions_n = sizeof(tls_functions) / sizeof(tls_functions[0]);

/*
 * Rust's names, of which these are to be told:
 *
 *   <rustls::conn::ConnectionCommon<T> as rustls::conn[::connection]::PlaintextSink>::write
 *   and ::write_vectored, what all writes come to; called through a table, so no compiler
 *   can do away with them
 *   rustls::common_state::CommonState::take_received_plaintext, since 0.23
 *   <rustls::conn[::connection]::Reader as std::io::Read>::read, before
 *
 * either as _ZN..17h<hash>E with "rustls..conn..", or (v0) as _RNv.. with lengths before
 * the names; perhaps with a suffix of the linker's.
 */
struct rust_name {
	const char *legacy, *v0, *v0_method;
};

/* The method's name ends there. */
static bool ends(const char *s)
{
	return !*s || *s == '.' || *s == 'C' || *s == 'B' || *s == '<' || *s == 'I';
}

static bool is_rust(const char *s, const struct rust_name *n)
{
	const char *at;

	if (!strncmp(s, "_ZN", 3))
		return strstr(s, "rustls") && strstr(s, n->legacy);
	if (strncmp(s, "_RNv", 4) || !strstr(s, "_6rustls") || !strstr(s, n->v0))
		return false;
	at = strstr(s, n->v0_method);
	return at && ends(at + strlen(n->v0_method));
}

bool tls_functions__is_rustls_take(const char *symbol)
{
	static const struct rust_name n = { "11CommonState23take_received_plaintext17h",
					    "11CommonState", "23take_received_plaintext" };

	return is_rust(symbol, &n);
}

bool tls_functions__is_rustls_read(const char *symbol)
{
	static const struct rust_name n = { "..Reader$u20$as$u20$std..io..Read$GT$4read17h",
					    "6Reader", "3std2io4Read4read" };

	return is_rust(symbol, &n);
}

bool tls_functions__is_rustls_write(const char *symbol)
{
	static const struct rust_name n = { "..PlaintextSink$GT$5write17h", "13PlaintextSink",
					    "13PlaintextSink5write" };

	return is_rust(symbol, &n);
}

bool tls_functions__is_rustls_writev(const char *symbol)
{
	static const struct rust_name n = { "..PlaintextSink$GT$14write_vectored17h",
					    "13PlaintextSink", "13PlaintextSink14write_vectored" };

	return is_rust(symbol, &n);
}
