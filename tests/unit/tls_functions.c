// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "redeye.h"
#include "tls_functions.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void symbols_are_unique(void **state)
{
	for (size_t i = 0; i < tls_functions_n; i++)
		for (size_t j = 0; j < i; j++)
			if (tls_functions[i].symbol && tls_functions[j].symbol &&
			    !strcmp(tls_functions[i].symbol, tls_functions[j].symbol))
				fail_msg("%s is there twice", tls_functions[i].symbol);
}

static void rows_are_whole(void **state)
{
	uint8_t roles[TLS_KIND__CNT] = { 0 };

	for (size_t i = 0; i < tls_functions_n; i++) {
		const struct tls_function *f = &tls_functions[i];

		assert_true(f->kind < TLS_KIND__CNT);
		assert_true(!f->symbol != !f->match);
		assert_int_equal(!f->entry, !tls_libraries[f->kind].marks);
		roles[f->kind] |= f->role;
	}
	for (int k = 0; k < TLS_KIND__CNT; k++) {
		assert_non_null(tls_libraries[k].name);
		if (!tls_libraries[k].marks)
			continue;
		assert_int_equal(roles[k] & TLS_MINIMUM, TLS_MINIMUM);
		assert_int_equal(!tls_libraries[k].ret, tls_libraries[k].how == TLS_RETURN_NONE);
	}
	assert_int_equal(tls_libraries[TLS_RUSTLS].marks, RED_TARGET_RUSTLS | RED_TARGET_TLS);
	assert_int_equal(tls_libraries[TLS_GO].how, TLS_RETURN_RETS);
}

/* As rustc 1.95 names them, of rustls 0.23 and (the third and fourth) 0.21. */
#define CONN  "_RNvXs2_NtNtCsc8OmwKx6ZQU_6rustls4conn10connectionNtB5_"
#define STDIO "NtNtCsjrHSEGnQ3l9_3std2io"

static const struct {
	const char *symbol;
	bool read, write;
} mangled[] = {
	{ "_ZN66_$LT$rustls..conn..connection..Reader$u20$as$u20$std..io..Read$GT$"
	  "4read17h711bca31a8dffb3cE",
	  true, false },
	{ "_ZN67_$LT$rustls..conn..connection..Writer$u20$as$u20$std..io..Write$GT$"
	  "5write17h8d864e0ee27a96c2E",
	  false, false },
	{ "_ZN54_$LT$rustls..conn..Reader$u20$as$u20$std..io..Read$GT$4read17h7E", true, false },
	{ "_ZN87_$LT$rustls..conn..ConnectionCommon$LT$T$GT$$u20$as$u20$rustls..conn..PlaintextSink"
	  "$GT$5write17h7E",
	  false, true },
	{ "_ZN99_$LT$rustls..conn..connection..ConnectionCommon$LT$T$GT$$u20$as$u20$rustls..conn.."
	  "connection..PlaintextSink$GT$5write17h7E.llvm.77",
	  false, true },
	{ CONN "6Reader" STDIO "4Read4read", true, false },
	{ "_RNvXs2_NtCs12_6rustls4connINtB5_16ConnectionCommonNtNtNtB7_6server11server_conn"
	  "20ServerConnectionDataENtB5_13PlaintextSink5writeCs34_3app",
	  false, true },
	{ "_RNvXs2_NtCs12_6rustls4connINtB5_16ConnectionCommonNtB5_4DataENtB5_13PlaintextSink"
	  "5flushCs34_3app",
	  false, false },
	{ CONN "6Writer" STDIO "5Write5write", false, false },
	{ CONN "6Reader" STDIO "4Read4read.llvm.1234", true, false },
	{ CONN "6Reader" STDIO "4Read4readCs1234_3app", true, false },
	{ CONN "6Reader" STDIO "4Read8read_buf", false, false },
	{ CONN "6Reader" STDIO "4Read10read_exact", false, false },
	{ CONN "6Writer" STDIO "5Write5flush", false, false },
	{ "_ZN67_$LT$rustls..conn..connection..Writer$u20$as$u20$std..io..Write$GT$5flush17h8E",
	  false, false },
	{ "_ZN50_$LT$hyper..Reader$u20$as$u20$std..io..Read$GT$4read17h7E", false, false },
	{ "_RNvXs_NtCs12_5hyper4connNtB5_6Reader" STDIO "4Read4read", false, false },
	{ "rustls_connection_read", false, false },
	{ "", false, false },
};

static void rustls_is_known_by_its_names(void **state)
{
	for (size_t i = 0; i < N(mangled); i++) {
		if (tls_functions__is_rustls_read(mangled[i].symbol) != mangled[i].read ||
		    tls_functions__is_rustls_write(mangled[i].symbol) != mangled[i].write)
			fail_msg("%s", mangled[i].symbol);
	}
}

static void what_rustls_takes_and_writes_in_pieces(void **state)
{
	assert_true(tls_functions__is_rustls_take("_ZN6rustls12common_state11CommonState"
						  "23take_received_plaintext17h7E"));
	assert_true(tls_functions__is_rustls_take("_RNvMNtCs12_6rustls12common_stateNtB2_"
						  "11CommonState23take_received_plaintext"));
	assert_false(tls_functions__is_rustls_take("_ZN6rustls6server11server_conn14EarlyDataState"
						   "23take_received_plaintext17h7E"));
	assert_true(tls_functions__is_rustls_writev("_ZN99_$LT$rustls..conn..ConnectionCommon$LT$T"
						    "$GT$$u20$as$u20$rustls..conn..PlaintextSink"
						    "$GT$14write_vectored17h7E"));
	assert_false(tls_functions__is_rustls_writev("_ZN50_$LT$hyper..PlaintextSink$GT$"
						     "14write_vectored17h7E"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(symbols_are_unique),
		cmocka_unit_test(rows_are_whole),
		cmocka_unit_test(rustls_is_known_by_its_names),
		cmocka_unit_test(what_rustls_takes_and_writes_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
