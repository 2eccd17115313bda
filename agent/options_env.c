// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * REDEYE_<NAME> for each option, and the standard OpenTelemetry variables that mean
 * the same as one of them. As OpenTelemetry wants it, an empty variable counts as
 * unset. A variable that begins with REDEYE_ and is none of ours is an error: a
 * misspelt setting must not be silently without effect.
 */
#include "options_internal.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nearest.h"

#define PREFIX     "REDEYE_"
#define PREFIX_LEN (sizeof(PREFIX) - 1)
#define NAME_SIZE  256

#define OTEL_HOST "OTEL_EXPORTER_PROMETHEUS_HOST"
#define OTEL_PORT "OTEL_EXPORTER_PROMETHEUS_PORT"

void opt__env_name(const struct opt *opt, char *buf, size_t size)
{
	int n = snprintf(buf, size, PREFIX "%s", opt->name);

	for (int i = 0; i < n && (size_t)i < size; i++)
		buf[i] = buf[i] == '-' ? '_' : toupper((unsigned char)buf[i]);
}

static const struct opt *find_env(const char *name)
{
	char candidate[NAME_SIZE];

	for (const struct opt *opt = opt_table; opt < opt_table + opt_table_n; opt++) {
		opt__env_name(opt, candidate, sizeof(candidate));
		if (!opt->flag_only && !strcmp(candidate, name))
			return opt;
	}
	return NULL;
}

/*
 * In a pod, Kubernetes describes each Service by variables in the style of Docker
 * links; a Service named redeye yields REDEYE_SERVICE_HOST, REDEYE_SERVICE_PORT[_X],
 * REDEYE_PORT=tcp://10.0.0.1:80 and REDEYE_PORT_80_TCP[_X]. They are not settings.
 */
static bool is_service_link(const char *name, const char *value)
{
	name += PREFIX_LEN;
	return !strcmp(name, "SERVICE_HOST") || !strncmp(name, "SERVICE_PORT", 12) ||
	       (!strcmp(name, "PORT") && strstr(value, "://")) ||
	       (!strncmp(name, "PORT_", 5) && isdigit((unsigned char)name[5]));
}

static int unknown_env(struct opt_parse *p, const char *name)
{
	char word[NAME_SIZE], candidate[NAME_SIZE];
	struct nearest near = { .word = word };

	/* Compared as option names, which are static: the winner is kept by reference. */
	snprintf(word, sizeof(word), "%s", name + PREFIX_LEN);
	for (char *s = word; *s; s++)
		*s = *s == '_' ? '-' : tolower((unsigned char)*s);
	for (const struct opt *opt = opt_table; opt < opt_table + opt_table_n; opt++) {
		if (!opt->flag_only)
			nearest__try(&near, opt->name);
	}
	if (!near.best)
		return opt__fail(p, NULL, "unknown environment variable %s", name);
	opt__env_name(opt__find(near.best, strlen(near.best)), candidate, sizeof(candidate));
	return opt__fail(p, NULL, "unknown environment variable %s, did you mean %s?", name,
			 candidate);
}

static int set_env(struct opt_parse *p, const struct opt *opt, const char *name, const char *alias,
		   const char *value)
{
	struct opt_source src = { .level = LEVEL_ENV, .name = name, .env_alias = alias };

	return opt__set(p, opt, &src, value);
}

static int read_ours(struct opt_parse *p, const char *entry)
{
	const char *equals = strchr(entry, '=');
	const struct opt *opt;
	char name[NAME_SIZE];

	if (!equals || !equals[1] || strncmp(entry, PREFIX, PREFIX_LEN))
		return 0;
	snprintf(name, sizeof(name), "%.*s", (int)(equals - entry), entry);
	if (is_service_link(name, equals + 1))
		return 0;
	opt = find_env(name);
	return opt ? set_env(p, opt, name, NULL, equals + 1) : unknown_env(p, name);
}

/* The value of a standard variable, when nothing more particular has set the option. */
static const char *alias_value(const struct opt_parse *p, const struct opt *opt, const char *alias)
{
	const char *value = getenv(alias);

	if (!value || !*value || opt__origin(p->o, opt)->level >= LEVEL_ENV)
		return NULL;
	return value;
}

/* "Enum values SHOULD be interpreted in a case-insensitive manner", booleans too (OpenTelemetry,
 * environment variables). */
static const char *lower(char *buf, size_t size, const char *value)
{
	size_t len = strlen(value);

	if (len >= size)
		return value;
	for (size_t i = 0; i <= len; i++)
		buf[i] = tolower((unsigned char)value[i]);
	return buf;
}

/* OpenTelemetry counts in milliseconds, and a value that makes no sense is not an
 * error but as good as none: what is said to all programs of a host may be meant
 * for another one. */
static int read_alias(struct opt_parse *p, const struct opt *opt)
{
	const char *value = alias_value(p, opt, opt->env_alias);
	const char *here;
	char ms[32], words[256], want[256];
	struct slice bad;
	int err;

	if (!value)
		return 0;
	if (opt->env_words)
		value = lower(words, sizeof(words), value);
	here = opt->env_means ? opt->env_means(value) : NULL;
	if (here)
		value = here;
	if (opt->env_ms && strlen(value) < 20 && !value[strspn(value, "0123456789")]) {
		snprintf(ms, sizeof(ms), "%sms", value);
		value = ms;
	}
	err = opt__parse_value(&p->ignored, opt, value, &bad);
	if (err != -EINVAL)
		return err ? err : set_env(p, opt, opt->env_alias, opt->env_alias, value);
	opt__want(opt, want, sizeof(want));
	return opt__warn(p, "%s is ignored: bad value '%.*s', want %s", opt->env_alias,
			 (int)bad.len, bad.p, want);
}

/* Two variables make one option. A host is an address here: OpenTelemetry's default,
 * "localhost", is the one name whose meaning is certain. */
static int read_otel_listen(struct opt_parse *p)
{
	const struct opt *opt = opt__find("listen", 6);
	const char *host = alias_value(p, opt, OTEL_HOST), *port = alias_value(p, opt, OTEL_PORT);
	const char *alias = host ? OTEL_HOST : OTEL_PORT;
	char addr[sizeof(struct in6_addr)], text[128];

	if (!host && !port)
		return 0;
	if (port && !opt__valid_port(port))
		return opt__fail(p, NULL, "bad value '%s' for %s: want a port from 0 to 65535",
				 port, OTEL_PORT);
	if (!host || !strcmp(host, "localhost"))
		host = "127.0.0.1";
	if (inet_pton(AF_INET, host, addr) != 1 && inet_pton(AF_INET6, host, addr) != 1)
		return opt__fail(p, NULL, "bad value '%s' for %s: want an IP address or localhost",
				 host, OTEL_HOST);
	snprintf(text, sizeof(text), strchr(host, ':') ? "[%s]:%s" : "%s:%s", host,
		 port ? port : "9464");
	return set_env(p, opt, alias, alias, text);
}

int opt__read_env(struct opt_parse *p)
{
	int err = 0;

	for (char **entry = environ; entry && *entry && !err; entry++)
		err = read_ours(p, *entry);
	for (const struct opt *opt = opt_table; !err && opt < opt_table + opt_table_n; opt++) {
		if (opt->env_alias)
			err = read_alias(p, opt);
	}
	return err ? err : read_otel_listen(p);
}
