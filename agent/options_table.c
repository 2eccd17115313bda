// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The one table of options. A row is the flag --name, the variable REDEYE_NAME, the
 * file's key `name`, its line in --help and its line in `redeye config`; a new option
 * is a new row and a new field of struct options.
 */
#include "options_internal.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

#define VALUE(member)        .offset = offsetof(struct options, member)
#define LIST(member, count_) VALUE(member), .count = offsetof(struct options, count_)
#define STRS(member)         LIST(member.v, member.n)

#define SEC 1000000000ull
#define DAY (86400 * SEC)
#define KiB (1ull << 10)
#define MiB (1ull << 20)
#define GiB (1ull << 30)
#define TiB (1ull << 40)

#define PID_MAX 4194304 /* PID_MAX_LIMIT, include/linux/threads.h */

#define CMD_CAPTURE (CMD_RUN | CMD_RECORD)
#define CMD_NAMES   (CMD_RUN | CMD_REPLAY)
#define CMD_ALL     (CMD_RUN | CMD_RECORD | CMD_REPLAY | CMD_DOCTOR)

/* clang-format off */
static const struct opt_command opt_commands[] = {
	{ .name = "run", .bit = CMD_RUN, .selects = true,
	  .what = "Watches processes and serves their metrics." },
	{ .name = "record", .bit = CMD_RECORD, .selects = true, .writes = true,
	  .what = "Writes what the kernel sees, payload included, to a file." },
	{ .name = "replay", .bit = CMD_REPLAY, .operand = "FILE",
	  .what = "Analyses a recording; needs no privileges." },
	{ .name = "doctor", .bit = CMD_DOCTOR,
	  .what = "Says what redeye can do on this machine, and why not more." },
	{ .name = "config", .bit = CMD_RUN,
	  .what = "Prints the configuration that run would use, as YAML." },
};
/* clang-format on */

static const char WATCH[] = "What to watch (run and record want at least one of the first five)";
static const char CAPTURE[] = "How to watch";
static const char NAMES[] = "Names";
static const char METRICS[] = "Metrics";
static const char LIMITS[] = "Limits";
static const char RUNNING[] = "Running";

static const char *const backends[] = {
	[BACKEND_AUTO] = "auto",     [BACKEND_SOCK] = "sock",       [BACKEND_FENTRY] = "fentry",
	[BACKEND_KPROBE] = "kprobe", [BACKEND_SYSCALL] = "syscall", NULL,
};

static const char *const log_levels[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
	NULL,
};

bool opt__valid_port(const char *s)
{
	size_t digits = strspn(s, "0123456789");

	return digits && digits <= 5 && !s[digits] && atoi(s) <= UINT16_MAX;
}

/* ADDRESS:PORT, [ADDRESS6]:PORT, none. Numeric: what a name means may change. */
static bool valid_listen(const char *s)
{
	const char *colon = strrchr(s, ':'), *start = s + (*s == '['), *end;
	char host[INET6_ADDRSTRLEN], addr[sizeof(struct in6_addr)];

	if (!strcmp(s, "none"))
		return true;
	if (!colon || !opt__valid_port(colon + 1))
		return false;
	end = colon - (start > s);
	if (end <= start || (size_t)(end - start) >= sizeof(host) || (start > s && *end != ']'))
		return false;
	memcpy(host, start, end - start);
	host[end - start] = '\0';
	return inet_pton(start > s ? AF_INET6 : AF_INET, host, addr) == 1;
}

static bool valid_service(const char *s)
{
	const char *equals = strrchr(s, '=');

	return equals && equals > s && equals[1];
}

static bool valid_route(const char *s)
{
	return *s == '/';
}

/* token, RFC 9110 section 5.6.2 */
static bool valid_method(const char *s)
{
	return !s[strspn(s, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ")];
}

/* clang-format off */
const struct opt opt_table[] = {
	{ .name = "port", .type = OPT_PORTS, LIST(include.ports, include.n_ports),
	  .min = 1, .max = UINT16_MAX, .commands = CMD_CAPTURE, .group = WATCH,
	  .metavar = "N", .help = "processes that listen on port N" },
	{ .name = "exe", .type = OPT_STRS, STRS(include.exes),
	  .commands = CMD_CAPTURE, .group = WATCH,
	  .metavar = "GLOB", .help = "processes whose executable's path matches, e.g. '*/nginx'" },
	{ .name = "pid", .type = OPT_PIDS, LIST(include.pids, include.n_pids),
	  .min = 1, .max = PID_MAX, .commands = CMD_CAPTURE, .group = WATCH,
	  .metavar = "PID", .help = "this process and the children it forks" },
	{ .name = "cgroup", .type = OPT_STRS, STRS(include.cgroups),
	  .commands = CMD_CAPTURE, .group = WATCH,
	  .metavar = "PATH", .help = "processes in this cgroup; PATH may be a glob" },
	{ .name = "all", .type = OPT_BOOL, VALUE(include.all),
	  .commands = CMD_CAPTURE, .group = WATCH,
	  .help = "every process" },
	{ .name = "exclude-port", .type = OPT_PORTS, LIST(exclude.ports, exclude.n_ports),
	  .min = 1, .max = UINT16_MAX, .commands = CMD_CAPTURE, .group = WATCH,
	  .metavar = "N", .help = "but not those that listen on port N" },
	{ .name = "exclude-exe", .type = OPT_STRS, STRS(exclude.exes),
	  .commands = CMD_CAPTURE, .group = WATCH,
	  .metavar = "GLOB", .help = "but not these executables" },
	{ .name = "exclude-pid", .type = OPT_PIDS, LIST(exclude.pids, exclude.n_pids),
	  .min = 1, .max = PID_MAX, .commands = CMD_CAPTURE, .group = WATCH,
	  .metavar = "PID", .help = "but not this process" },
	{ .name = "exclude-cgroup", .type = OPT_STRS, STRS(exclude.cgroups),
	  .commands = CMD_CAPTURE, .group = WATCH,
	  .metavar = "PATH", .help = "but not those in this cgroup" },

	{ .name = "backend", .type = OPT_ENUM, VALUE(backend),
	  .names = backends, .def = "auto", .commands = CMD_CAPTURE, .group = CAPTURE,
	  .metavar = "NAME", .help = "hooks to use" },
	{ .name = "ring-size", .type = OPT_BYTES, VALUE(ring_bytes), .def = "4MiB",
	  .min = 64 * KiB, .max = GiB, .power_of_two = true,
	  .commands = CMD_CAPTURE, .group = CAPTURE,
	  .metavar = "SIZE", .help = "ring buffer, rounded up to a power of two" },
	{ .name = "bpf-stats", .type = OPT_BOOL, VALUE(bpf_stats),
	  .commands = CMD_CAPTURE, .group = CAPTURE,
	  .help = "let the kernel measure the run time of each BPF program" },

	{ .name = "service", .type = OPT_STRS, STRS(services),
	  .valid = valid_service, .want = "GLOB=NAME", .commands = CMD_NAMES, .group = NAMES,
	  .metavar = "GLOB=NAME", .help = "call the executables that match GLOB service NAME" },
	{ .name = "route", .type = OPT_STRS, STRS(routes),
	  .valid = valid_route, .want = "a template that begins with '/', such as /users/{id}",
	  .commands = CMD_NAMES, .group = NAMES,
	  .metavar = "TEMPLATE", .help = "route such as /users/{id}; the first that matches wins" },
	{ .name = "learn-routes", .type = OPT_BOOL, VALUE(learn_routes), .def = "true",
	  .commands = CMD_NAMES, .group = NAMES,
	  .help = "learn templates for paths that no route matches" },
	{ .name = "max-routes", .type = OPT_U32, VALUE(max_routes), .def = "100",
	  .min = 1, .max = 10000, .commands = CMD_NAMES, .group = NAMES,
	  .metavar = "N", .help = "learned templates per service" },
	{ .name = "known-methods", .type = OPT_WORDS, STRS(known_methods),
	  .valid = valid_method, .want = "a list of HTTP methods, such as GET,POST",
	  .commands = CMD_NAMES, .group = NAMES,
	  .env_alias = "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS",
	  .metavar = "LIST", .help = "HTTP methods to tell apart, instead of the standard ones" },

	{ .name = "listen", .type = OPT_STRING, VALUE(listen), .def = "127.0.0.1:9464",
	  .valid = valid_listen,
	  .want = "IP:PORT, such as 127.0.0.1:9464 or [::1]:9464, or none",
	  .commands = CMD_RUN, .group = METRICS,
	  .metavar = "IP:PORT", .help = "where to serve /metrics; none: nowhere" },
	{ .name = "listen-tls-cert", .type = OPT_STRING, VALUE(listen_tls_cert),
	  .commands = CMD_RUN, .group = METRICS,
	  .metavar = "FILE", .help = "serve HTTPS with this certificate chain (PEM)" },
	{ .name = "listen-tls-key", .type = OPT_STRING, VALUE(listen_tls_key),
	  .commands = CMD_RUN, .group = METRICS,
	  .metavar = "FILE", .help = "the certificate's private key (PEM)" },
	{ .name = "listen-token-file", .type = OPT_STRING, VALUE(listen_token_file),
	  .commands = CMD_RUN, .group = METRICS,
	  .metavar = "FILE", .help = "ask clients for the bearer token in this file" },
	{ .name = "cardinality-limit", .type = OPT_U32, VALUE(cardinality_limit), .def = "2000",
	  .min = 10, .max = 1000000, .commands = CMD_NAMES, .group = METRICS,
	  .metavar = "N", .help = "series per metric" },
	{ .name = "series-expiry", .type = OPT_DURATION, VALUE(series_expiry_ns), .def = "5m",
	  .min = SEC, .max = DAY, .commands = CMD_NAMES, .group = METRICS,
	  .metavar = "TIME", .help = "idle series of ended processes go after this" },
	{ .name = "body-size-metrics", .type = OPT_BOOL, VALUE(body_size_metrics), .def = "true",
	  .commands = CMD_NAMES, .group = METRICS,
	  .help = "histograms of request and response body sizes" },

	{ .name = "memory-limit", .type = OPT_BYTES, VALUE(memory_limit_bytes), .def = "64MiB",
	  .min = 16 * MiB, .max = TiB, .commands = CMD_CAPTURE | CMD_REPLAY, .group = LIMITS,
	  .metavar = "SIZE", .help = "memory that redeye keeps to" },
	{ .name = "max-connections", .type = OPT_U32, VALUE(max_connections), .def = "16384",
	  .min = 64, .max = 1048576, .commands = CMD_CAPTURE | CMD_REPLAY, .group = LIMITS,
	  .metavar = "N", .help = "connections followed at once" },

	{ .name = "duration", .type = OPT_DURATION, VALUE(duration_ns), .def = "0",
	  .min = 0, .max = 365 * DAY, .commands = CMD_CAPTURE, .group = RUNNING,
	  .metavar = "TIME", .help = "stop after this; 0: on a signal" },
	{ .name = "table", .type = OPT_BOOL, VALUE(table),
	  .commands = CMD_RUN, .group = RUNNING,
	  .help = "show rate, errors and duration on standard output" },
	{ .name = "output", .letter = 'o', .type = OPT_STRING, VALUE(output),
	  .commands = CMD_RECORD, .group = RUNNING,
	  .metavar = "FILE", .help = "the recording to write; it holds payload" },
	{ .name = "json", .type = OPT_BOOL, VALUE(json),
	  .commands = CMD_REPLAY | CMD_DOCTOR, .group = RUNNING,
	  .help = "print JSON" },
	{ .name = "metrics", .type = OPT_BOOL, VALUE(metrics),
	  .commands = CMD_REPLAY, .group = RUNNING,
	  .help = "print what /metrics would say" },
	{ .name = "log-level", .type = OPT_ENUM, VALUE(log_level),
	  .names = log_levels, .def = "info", .commands = CMD_ALL, .group = RUNNING,
	  .metavar = "LEVEL", .help = "what to say on standard error" },
	{ .name = "config", .type = OPT_STRING, VALUE(config_file), .no_key = true,
	  .commands = CMD_ALL, .group = RUNNING,
	  .metavar = "FILE", .help = "read options from this YAML file" },
};
/* clang-format on */

const size_t opt_table_n = sizeof(opt_table) / sizeof(opt_table[0]);

const struct opt *opt__find(const char *name, size_t len)
{
	for (const struct opt *opt = opt_table; opt < opt_table + opt_table_n; opt++) {
		if (strlen(opt->name) == len && !memcmp(opt->name, name, len))
			return opt;
	}
	return NULL;
}

const struct opt_command *opt__command(const char *name)
{
	for (size_t i = 0; i < sizeof(opt_commands) / sizeof(opt_commands[0]); i++) {
		if (!strcmp(opt_commands[i].name, name))
			return &opt_commands[i];
	}
	return NULL;
}
