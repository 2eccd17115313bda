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

#include "k8s_config.h"
#include "log.h"

#define VALUE(member)        .offset = offsetof(struct options, member)
#define LIST(member, count_) VALUE(member), .count = offsetof(struct options, count_)
#define STRS(member)         LIST(member.v, member.n)

#define MS  1000000ull
#define SEC 1000000000ull
#define DAY (86400 * SEC)
#define KiB (1ull << 10)
#define MiB (1ull << 20)
#define GiB (1ull << 30)
#define TiB (1ull << 40)

#define PID_MAX 4194304 /* PID_MAX_LIMIT, include/linux/threads.h */

#define CMD_VIEW    (CMD_TOP | CMD_TAIL)
#define CMD_CAPTURE (CMD_RUN | CMD_RECORD)
#define CMD_WATCH   (CMD_CAPTURE | CMD_VIEW)
#define CMD_NAMES   (CMD_RUN | CMD_REPLAY)
#define CMD_ALL     (CMD_RUN | CMD_RECORD | CMD_REPLAY | CMD_DOCTOR | CMD_SIGNATURES | CMD_VIEW)

/* clang-format off */
static const struct opt_command opt_commands[] = {
	{ .name = "run", .bit = CMD_RUN, .selects = true,
	  .what = "Watches processes and serves their metrics." },
	{ .name = "record", .bit = CMD_RECORD, .selects = true, .writes = true,
	  .what = "Writes what the kernel sees, payload included, to a file." },
	{ .name = "replay", .bit = CMD_REPLAY, .operand = "FILE",
	  .what = "Analyses a recording; needs no privileges." },
	{ .name = "top", .bit = CMD_TOP,
	  .what = "Shows rate, errors and duration of services and routes as they are now: of the redeye\n"
		  "that runs on this machine, or, given a selection, of a capture of its own." },
	{ .name = "tail", .bit = CMD_TAIL,
	  .what = "Prints a line for each request as it ends: of the redeye that runs on this machine,\n"
		  "or, given a selection, of a capture of its own." },
	{ .name = "doctor", .bit = CMD_DOCTOR,
	  .what = "Says what redeye can do on this machine, and why not more." },
	{ .name = "signatures", .bit = CMD_SIGNATURES, .operand = "FILE",
	  .what = "Prints where the functions of TLS libraries are in an executable with symbols,\n"
		  "for copies of it without." },
	{ .name = "config", .bit = CMD_RUN,
	  .what = "Prints the configuration that run would use, as YAML." },
};
/* clang-format on */

static const char WATCH[] = "What to watch (run and record want at least one of the first nine)";
static const char CAPTURE[] = "How to watch";
static const char NAMES[] = "Names";
static const char KUBERNETES[] = "Kubernetes";
static const char METRICS[] = "Metrics";
static const char TRACES[] = "Traces";
static const char OTLP[] = "OTLP (each of the first nine also as --otlp-traces-..., "
			   "--otlp-metrics-..., --otlp-logs-...)";
static const char SHOW[] = "What to show";
static const char ACCESS_LOG[] = "Access log";
static const char LIMITS[] = "Limits";
static const char RUNNING[] = "Running";

static const char *const backends[] = {
	[BACKEND_AUTO] = "auto",     [BACKEND_SOCK] = "sock",       [BACKEND_FENTRY] = "fentry",
	[BACKEND_KPROBE] = "kprobe", [BACKEND_SYSCALL] = "syscall", NULL,
};

static const char *const uprobe_scopes[] = {
	[UPROBE_SCOPE_AUTO] = "auto",
	[UPROBE_SCOPE_PROCESS] = "process",
	[UPROBE_SCOPE_FILE] = "file",
	NULL,
};

static const char *const k8s_modes[] = {
	[K8S_AUTO] = "auto",
	[K8S_ON] = "on",
	[K8S_OFF] = "off",
	NULL,
};

static const char *const log_levels[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
	NULL,
};

static const char *const traces_exporters[] = {
	[TRACES_AUTO] = "auto",       [TRACES_OTLP] = "otlp", [TRACES_ZIPKIN] = "zipkin",
	[TRACES_CONSOLE] = "console", [TRACES_NONE] = "none", NULL,
};

static const char *const view_kinds[] = {
	[VIEW_ANY] = "any",
	[VIEW_SERVER] = "server",
	[VIEW_CLIENT] = "client",
	NULL,
};

static const char *const top_columns[] = {
	[TOP_NAME] = "name", [TOP_RATE] = "rate", [TOP_COUNT] = "count", [TOP_ERRORS] = "errors",
	[TOP_P50] = "p50",   [TOP_P95] = "p95",   [TOP_P99] = "p99",     NULL,
};

static const char *const signal_exporters[] = {
	[SIGNAL_AUTO] = "auto",
	[SIGNAL_OTLP] = "otlp",
	[SIGNAL_NONE] = "none",
	NULL,
};

/* Of OTEL_METRICS_EXPORTER, which may be a list. For prometheus there is /metrics already. */
static const char *metrics_exporter_of(const char *s)
{
	const char *here = NULL;
	size_t n;

	for (; *s; s += n + (s[n] == ',')) {
		n = strcspn(s, ",");
		if (n == 4 && !strncmp(s, "otlp", n))
			return "otlp";
		if (n == 10 && !strncmp(s, "prometheus", n))
			here = "none";
	}
	return here;
}

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

/* Is it one of these words? */
static bool one_of(const char *s, const char *const *words)
{
	while (*words && strcmp(s, *words))
		words++;
	return *words;
}

static bool valid_sampler(const char *s)
{
	static const char *const known[] = { "always_on",
					     "always_off",
					     "traceidratio",
					     "parentbased_always_on",
					     "parentbased_always_off",
					     "parentbased_traceidratio",
					     NULL };

	return one_of(s, known);
}

static bool valid_ratio(const char *s)
{
	char *end;
	double ratio = strtod(s, &end);

	return end > s && !*end && ratio >= 0 && ratio <= 1;
}

/* baggage is valid, and nothing that redeye touches */
static bool valid_propagator(const char *s)
{
	static const char *const known[] = { "tracecontext", "b3",   "b3multi",
					     "baggage",      "none", NULL };

	return one_of(s, known);
}

static bool valid_attribute(const char *s)
{
	const char *equals = strchr(s, '=');

	return equals && equals > s;
}

static bool valid_protocol(const char *s)
{
	static const char *const known[] = { "http/protobuf", "grpc", "http/json", NULL };

	return one_of(s, known);
}

static bool valid_compression(const char *s)
{
	static const char *const known[] = { "gzip", "none", NULL };

	return one_of(s, known);
}

static bool valid_bool(const char *s)
{
	static const char *const known[] = { "true", "false", NULL };

	return one_of(s, known);
}

static bool valid_temporality(const char *s)
{
	static const char *const known[] = { "cumulative", "delta", "lowmemory", NULL };

	return one_of(s, known);
}

static bool valid_histograms(const char *s)
{
	static const char *const known[] = { "explicit_bucket_histogram",
					     "base2_exponential_bucket_histogram", NULL };

	return one_of(s, known);
}

static bool valid_url(const char *s)
{
	return !strncmp(s, "http://", 7) || !strncmp(s, "https://", 8);
}

/* For grpc the scheme may be missing: host:port. */
static bool valid_endpoint(const char *s)
{
	const char *colon = strrchr(s, ':');

	return valid_url(s) ||
	       (!strstr(s, "://") && colon && colon > s && opt__valid_port(colon + 1));
}

/* token, RFC 9110 section 5.6.2 */
static bool valid_method(const char *s)
{
	return !s[strspn(s, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ")];
}

/* clang-format off */

/* The options of one OTLP signal, or (QUIET false) of all. TIMEOUT: the default, or NULL. */
#define OTLP_ROWS(PREFIX, MEMBER, ENV, QUIET, TIMEOUT)                                             \
	{ .name = PREFIX "endpoint", .type = OPT_STRING, VALUE(MEMBER.endpoint),                   \
	  .valid = valid_endpoint, .want = "http://HOST:PORT, https://HOST:PORT or HOST:PORT",     \
	  .secret_url = true,                                                                      \
	  .commands = CMD_RUN, .group = OTLP, .env_alias = ENV "ENDPOINT", .quiet = QUIET,         \
	  .metavar = "URL", .help = "collector to send to, such as http://localhost:4318" },       \
	{ .name = PREFIX "protocol", .type = OPT_STRING, VALUE(MEMBER.protocol),                   \
	  .valid = valid_protocol, .want = "http/protobuf, grpc or http/json",                     \
	  .commands = CMD_RUN, .group = OTLP, .env_alias = ENV "PROTOCOL", .env_words = true, .quiet = QUIET,         \
	  .metavar = "NAME", .help = "http/protobuf (default), grpc or http/json" },               \
	{ .name = PREFIX "headers", .type = OPT_STRING, VALUE(MEMBER.headers), .secret = true,     \
	  .commands = CMD_RUN, .group = OTLP, .env_alias = ENV "HEADERS", .quiet = QUIET,          \
	  .metavar = "K=V,...", .help = "headers of each request, percent-encoded" },              \
	{ .name = PREFIX "compression", .type = OPT_STRING, VALUE(MEMBER.compression),             \
	  .valid = valid_compression, .want = "gzip or none",                                      \
	  .commands = CMD_RUN, .group = OTLP, .env_alias = ENV "COMPRESSION", .env_words = true, .quiet = QUIET,      \
	  .metavar = "NAME", .help = "gzip or none (default)" },                                   \
	{ .name = PREFIX "timeout", .type = OPT_DURATION, VALUE(MEMBER.timeout_ns),                \
	  .def = TIMEOUT, .max = DAY,                                                              \
	  .commands = CMD_RUN, .group = OTLP, .env_alias = ENV "TIMEOUT", .env_ms = true,          \
	  .quiet = QUIET, .metavar = "TIME", .help = "for one request" },                          \
	{ .name = PREFIX "certificate", .type = OPT_STRING, VALUE(MEMBER.certificate),             \
	  .commands = CMD_RUN, .group = OTLP, .env_alias = ENV "CERTIFICATE", .quiet = QUIET,      \
	  .metavar = "FILE", .help = "certificates to trust (PEM) instead of the system's" },      \
	{ .name = PREFIX "client-key", .type = OPT_STRING, VALUE(MEMBER.client_key),               \
	  .commands = CMD_RUN, .group = OTLP, .env_alias = ENV "CLIENT_KEY", .quiet = QUIET,       \
	  .metavar = "FILE", .help = "own private key (PEM)" },                                    \
	{ .name = PREFIX "client-certificate", .type = OPT_STRING,                                 \
	  VALUE(MEMBER.client_certificate),                                                        \
	  .commands = CMD_RUN, .group = OTLP, .env_alias = ENV "CLIENT_CERTIFICATE",               \
	  .quiet = QUIET, .metavar = "FILE", .help = "own certificate (PEM)" },                    \
	{ .name = PREFIX "insecure", .type = OPT_STRING, VALUE(MEMBER.insecure),                   \
	  .valid = valid_bool, .want = "true or false",                                            \
	  .commands = CMD_RUN, .group = OTLP, .env_alias = ENV "INSECURE", .env_words = true, .quiet = QUIET,         \
	  .metavar = "BOOL", .help = "grpc to an endpoint without a scheme: no TLS (default false)" }

#define OTEL_OTLP "OTEL_EXPORTER_OTLP_"

/* The bounds of a queue of spans (BSP) or log records (BLRP). */
#define QUEUE_ROWS(WHAT, MEMBER, ENV, DELAY)                                                       \
	{ .name = WHAT "-delay", .type = OPT_DURATION, VALUE(MEMBER##_delay_ns), .def = DELAY,     \
	  .min = MS, .max = DAY, .commands = CMD_RUN, .group = OTLP,                               \
	  .env_alias = ENV "SCHEDULE_DELAY", .env_ms = true,                                       \
	  .metavar = "TIME", .help = "send a batch of " WHAT "s that is not full after this" },    \
	{ .name = WHAT "-timeout", .type = OPT_DURATION, VALUE(MEMBER##_timeout_ns), .def = "30s", \
	  .min = MS, .max = DAY, .commands = CMD_RUN, .group = OTLP,                               \
	  .env_alias = ENV "EXPORT_TIMEOUT", .env_ms = true, .quiet = true,                        \
	  .metavar = "TIME", .help = "give up sending a batch of " WHAT "s after this" },          \
	{ .name = WHAT "-queue", .type = OPT_U32, VALUE(MEMBER##_queue), .def = "2048",            \
	  .min = 1, .max = 1048576, .commands = CMD_RUN, .group = OTLP,                            \
	  .env_alias = ENV "MAX_QUEUE_SIZE",                                                       \
	  .metavar = "N", .help = WHAT "s that may wait" },                                        \
	{ .name = WHAT "-batch", .type = OPT_U32, VALUE(MEMBER##_batch), .def = "512",             \
	  .min = 1, .max = 65536, .commands = CMD_RUN, .group = OTLP,                              \
	  .env_alias = ENV "MAX_EXPORT_BATCH_SIZE",                                                \
	  .metavar = "N", .help = WHAT "s in one request" }

const struct opt opt_table[] = {
	{ .name = "port", .type = OPT_PORTS, LIST(include.ports, include.n_ports),
	  .min = 1, .max = UINT16_MAX, .commands = CMD_WATCH, .group = WATCH,
	  .metavar = "N", .help = "processes that listen on port N" },
	{ .name = "exe", .type = OPT_STRS, STRS(include.exes),
	  .commands = CMD_WATCH, .group = WATCH,
	  .metavar = "GLOB", .help = "processes whose executable's path matches, e.g. '*/nginx'" },
	{ .name = "pid", .type = OPT_PIDS, LIST(include.pids, include.n_pids),
	  .min = 1, .max = PID_MAX, .commands = CMD_WATCH, .group = WATCH,
	  .metavar = "PID", .help = "this process and the children it forks" },
	{ .name = "cgroup", .type = OPT_STRS, STRS(include.cgroups),
	  .commands = CMD_WATCH, .group = WATCH,
	  .metavar = "PATH", .help = "processes in this cgroup; PATH may be a glob" },
	{ .name = "k8s-namespace", .type = OPT_WORDS, STRS(include.k8s_namespaces),
	  .commands = CMD_WATCH, .group = WATCH,
	  .metavar = "GLOB,...", .help = "processes in pods of this Kubernetes namespace" },
	{ .name = "k8s-label", .type = OPT_STRS, STRS(include.k8s_labels),
	  .valid = valid_attribute, .want = "KEY=VALUE", .commands = CMD_WATCH, .group = WATCH,
	  .metavar = "K=V", .help = "processes in pods with this label" },
	{ .name = "k8s-annotation", .type = OPT_STRS, STRS(include.k8s_annotations),
	  .valid = valid_attribute, .want = "KEY=VALUE", .commands = CMD_WATCH, .group = WATCH,
	  .metavar = "K=V", .help = "processes in pods with this annotation" },
	{ .name = "image", .type = OPT_STRS, STRS(include.images),
	  .commands = CMD_WATCH, .group = WATCH,
	  .metavar = "GLOB", .help = "processes in containers of an image of this name in Kubernetes" },
	{ .name = "all", .type = OPT_BOOL, VALUE(include.all),
	  .commands = CMD_WATCH, .group = WATCH,
	  .help = "every process" },
	{ .name = "exclude-port", .type = OPT_PORTS, LIST(exclude.ports, exclude.n_ports),
	  .min = 1, .max = UINT16_MAX, .commands = CMD_WATCH, .group = WATCH,
	  .metavar = "N", .help = "but not those that listen on port N" },
	{ .name = "exclude-exe", .type = OPT_STRS, STRS(exclude.exes),
	  .commands = CMD_WATCH, .group = WATCH,
	  .metavar = "GLOB", .help = "but not these executables" },
	{ .name = "exclude-pid", .type = OPT_PIDS, LIST(exclude.pids, exclude.n_pids),
	  .min = 1, .max = PID_MAX, .commands = CMD_WATCH, .group = WATCH,
	  .metavar = "PID", .help = "but not this process" },
	{ .name = "exclude-cgroup", .type = OPT_STRS, STRS(exclude.cgroups),
	  .commands = CMD_WATCH, .group = WATCH,
	  .metavar = "PATH", .help = "but not those in this cgroup" },
	{ .name = "exclude-k8s-namespace", .type = OPT_WORDS, STRS(exclude.k8s_namespaces),
	  .def = "kube-system", .commands = CMD_WATCH, .group = WATCH,
	  .metavar = "GLOB,...", .help = "but not pods of this namespace" },
	{ .name = "exclude-k8s-label", .type = OPT_STRS, STRS(exclude.k8s_labels),
	  .valid = valid_attribute, .want = "KEY=VALUE", .commands = CMD_WATCH, .group = WATCH,
	  .metavar = "K=V", .help = "but not pods with this label" },
	{ .name = "exclude-k8s-annotation", .type = OPT_STRS, STRS(exclude.k8s_annotations),
	  .valid = valid_attribute, .want = "KEY=VALUE", .commands = CMD_WATCH, .group = WATCH,
	  .metavar = "K=V", .help = "but not pods with this annotation" },
	{ .name = "exclude-image", .type = OPT_STRS, STRS(exclude.images),
	  .commands = CMD_WATCH, .group = WATCH,
	  .metavar = "GLOB", .help = "but not containers of this image" },

	{ .name = "backend", .type = OPT_ENUM, VALUE(backend),
	  .names = backends, .def = "auto", .commands = CMD_WATCH, .group = CAPTURE,
	  .metavar = "NAME", .help = "hooks to use" },
	{ .name = "tls", .type = OPT_BOOL, VALUE(tls), .def = "true",
	  .commands = CMD_WATCH, .group = CAPTURE,
	  .help = "see TLS traffic by uprobes" },
	{ .name = "uprobe-scope", .type = OPT_ENUM, VALUE(uprobe_scope),
	  .names = uprobe_scopes, .def = "auto", .commands = CMD_WATCH, .group = CAPTURE,
	  .metavar = "NAME", .help = "process: probe the selected processes only; file: whoever maps "
				     "the library; auto: the first, for many the second" },
	{ .name = "tls-signatures", .type = OPT_STRING, VALUE(tls_signatures),
	  .commands = CMD_WATCH | CMD_DOCTOR, .group = CAPTURE,
	  .metavar = "FILE", .help = "how to find TLS functions in executables without symbols" },
	{ .name = "ring-size", .type = OPT_BYTES, VALUE(ring_bytes), .def = "4MiB",
	  .min = 64 * KiB, .max = GiB, .power_of_two = true,
	  .commands = CMD_WATCH, .group = CAPTURE,
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
	  .metavar = "N", .help = "learned templates per service; RPC methods of each side" },
	{ .name = "known-methods", .type = OPT_WORDS, STRS(known_methods),
	  .valid = valid_method, .want = "a list of HTTP methods, such as GET,POST",
	  .commands = CMD_NAMES, .group = NAMES,
	  .env_alias = "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS",
	  .metavar = "LIST", .help = "HTTP methods to tell apart, instead of the standard ones" },
	{ .name = "exclude-rpc-method", .type = OPT_STRS, STRS(exclude_rpc_methods),
	  .commands = CMD_NAMES, .group = NAMES,
	  .metavar = "GLOB", .help = "no metrics, spans and log of these: 'grpc.health.v1.Health/*'" },

	{ .name = "kubernetes", .type = OPT_ENUM, VALUE(kubernetes),
	  .names = k8s_modes, .def = "auto", .commands = CMD_WATCH, .group = KUBERNETES,
	  .metavar = "WHEN", .help = "ask the API server for this node's pods; auto: in a pod" },
	{ .name = "kubernetes-api", .type = OPT_STRING, VALUE(kubernetes_api),
	  .valid = valid_url, .want = "a URL", .secret_url = true,
	  .commands = CMD_WATCH, .group = KUBERNETES,
	  .metavar = "URL", .help = "API server, instead of the one that a pod is told" },
	{ .name = "kubernetes-node", .type = OPT_STRING, VALUE(kubernetes_node),
	  .commands = CMD_WATCH, .group = KUBERNETES,
	  .metavar = "NAME", .help = "this node, instead of NODE_NAME or the host's name" },
	{ .name = "kubernetes-token-file", .type = OPT_STRING, VALUE(kubernetes_token_file),
	  .commands = CMD_WATCH, .group = KUBERNETES,
	  .metavar = "FILE", .help = "token, instead of the service account's; sent over TLS only" },
	{ .name = "kubernetes-ca-file", .type = OPT_STRING, VALUE(kubernetes_ca_file),
	  .commands = CMD_WATCH, .group = KUBERNETES,
	  .metavar = "FILE", .help = "certificates to trust (PEM), instead of the service account's" },
	{ .name = "kubernetes-label", .type = OPT_STRS, STRS(kubernetes_labels),
	  .commands = CMD_WATCH, .group = KUBERNETES,
	  .metavar = "GLOB", .help = "pods' labels that become attributes k8s.pod.label.<key>" },
	{ .name = "kubernetes-annotation", .type = OPT_STRS, STRS(kubernetes_annotations),
	  .commands = CMD_WATCH, .group = KUBERNETES,
	  .metavar = "GLOB", .help = "their annotations, as k8s.pod.annotation.<key>" },
	{ .name = "kubernetes-app-labels", .type = OPT_BOOL, VALUE(kubernetes_app_labels),
	  .commands = CMD_WATCH, .group = KUBERNETES,
	  .help = "labels app.kubernetes.io/instance, name and version name a service" },

	{ .name = "listen", .type = OPT_STRING, VALUE(listen), .def = "127.0.0.1:9464",
	  .valid = valid_listen,
	  .want = "IP:PORT, such as 127.0.0.1:9464 or [::1]:9464, or none",
	  .commands = CMD_RUN, .group = METRICS,
	  .metavar = "IP:PORT", .help = "where to serve /metrics, the page and the HTTP API; none: "
					"nowhere" },
	{ .name = "listen-tls-cert", .type = OPT_STRING, VALUE(listen_tls_cert),
	  .commands = CMD_RUN, .group = METRICS,
	  .metavar = "FILE", .help = "serve HTTPS with this certificate chain (PEM)" },
	{ .name = "listen-tls-key", .type = OPT_STRING, VALUE(listen_tls_key),
	  .commands = CMD_RUN, .group = METRICS,
	  .metavar = "FILE", .help = "the certificate's private key (PEM)" },
	{ .name = "listen-token-file", .type = OPT_STRING, VALUE(listen_token_file),
	  .commands = CMD_RUN, .group = METRICS,
	  .metavar = "FILE", .help = "ask clients for the bearer token in this file" },
	{ .name = "socket", .type = OPT_STRING, VALUE(socket), .def = "/run/redeye/redeye.sock",
	  .commands = CMD_RUN | CMD_VIEW, .group = METRICS,
	  .metavar = "PATH", .help = "UNIX socket of the HTTP API; none: nowhere" },
	{ .name = "admin-remote", .type = OPT_BOOL, VALUE(admin_remote),
	  .commands = CMD_RUN, .group = METRICS,
	  .help = "/admin/ also for clients of other machines that have the token" },
	{ .name = "cardinality-limit", .type = OPT_U32, VALUE(cardinality_limit), .def = "2000",
	  .min = 10, .max = 1000000, .commands = CMD_NAMES, .group = METRICS,
	  .metavar = "N", .help = "series per metric" },
	{ .name = "series-expiry", .type = OPT_DURATION, VALUE(series_expiry_ns), .def = "5m",
	  .min = SEC, .max = DAY, .commands = CMD_NAMES, .group = METRICS,
	  .metavar = "TIME", .help = "idle series of ended processes go after this" },
	{ .name = "body-size-metrics", .type = OPT_BOOL, VALUE(body_size_metrics), .def = "true",
	  .commands = CMD_NAMES, .group = METRICS,
	  .help = "histograms of request and response body sizes" },

	{ .name = "traces-exporter", .type = OPT_ENUM, VALUE(traces_exporter),
	  .names = traces_exporters, .def = "auto", .commands = CMD_RUN, .group = TRACES,
	  .env_alias = "OTEL_TRACES_EXPORTER", .env_words = true,
	  .metavar = "NAME", .help = "where spans go; auto: to OTLP when it has an endpoint" },
	{ .name = "sampler", .type = OPT_STRING, VALUE(sampler), .def = "parentbased_always_on",
	  .valid = valid_sampler,
	  .want = "[parentbased_]always_on, [parentbased_]always_off or [parentbased_]traceidratio",
	  .commands = CMD_NAMES, .group = TRACES, .env_alias = "OTEL_TRACES_SAMPLER", .env_words = true,
	  .metavar = "NAME", .help = "which traces to keep, as OTEL_TRACES_SAMPLER" },
	{ .name = "sampler-arg", .type = OPT_STRING, VALUE(sampler_arg),
	  .valid = valid_ratio, .want = "a ratio from 0 to 1",
	  .commands = CMD_NAMES, .group = TRACES, .env_alias = "OTEL_TRACES_SAMPLER_ARG",
	  .metavar = "RATIO", .help = "for traceidratio" },
	{ .name = "keep-errors", .type = OPT_BOOL, VALUE(keep_errors), .def = "true",
	  .commands = CMD_NAMES, .group = TRACES,
	  .help = "keep traces with an error that the sampler would not" },
	{ .name = "keep-slower-than", .type = OPT_DURATION, VALUE(keep_slow_ns), .def = "0",
	  .max = DAY, .commands = CMD_NAMES, .group = TRACES,
	  .metavar = "TIME", .help = "keep traces with a slower request; 0: off" },
	{ .name = "keep-slowest", .type = OPT_BOOL, VALUE(keep_slowest),
	  .commands = CMD_NAMES, .group = TRACES,
	  .help = "keep traces with a request slower than its route's p99" },
	{ .name = "keep-new-routes", .type = OPT_BOOL, VALUE(keep_new_routes),
	  .commands = CMD_NAMES, .group = TRACES,
	  .help = "keep the first traces of each route" },
	{ .name = "trace-limit", .type = OPT_U32, VALUE(trace_limit), .def = "0",
	  .min = 0, .max = 1000000, .commands = CMD_NAMES, .group = TRACES,
	  .metavar = "N", .help = "traces kept a second and service; 0: no limit" },
	{ .name = "propagators", .type = OPT_WORDS, STRS(propagators),
	  .def = "tracecontext,baggage,b3,b3multi",
	  .valid = valid_propagator, .want = "a list of tracecontext, b3, b3multi, baggage, or none",
	  .commands = CMD_NAMES, .group = TRACES, .env_alias = "OTEL_PROPAGATORS", .env_words = true,
	  .metavar = "LIST", .help = "headers to read a trace's context from" },
	{ .name = "debug-header", .type = OPT_STRING, VALUE(debug_header), .def = "X-Debug-Trace",
	  .valid = valid_method, .want = "a header's name",
	  .commands = CMD_NAMES, .group = TRACES,
	  .metavar = "NAME", .help = "with the value true it keeps its trace" },
	{ .name = "request-id-header", .type = OPT_STRING, VALUE(request_id_header),
	  .def = "X-Request-ID", .valid = valid_method, .want = "a header's name",
	  .commands = CMD_NAMES, .group = TRACES,
	  .metavar = "NAME", .help = "becomes the attribute http.request.header.<name>" },
	{ .name = "span-header", .type = OPT_STRS, STRS(span_headers),
	  .valid = valid_method, .want = "a header's name",
	  .commands = CMD_NAMES, .group = TRACES,
	  .metavar = "NAME", .help = "request header to keep in spans and access log; at most 8" },
	{ .name = "span-query", .type = OPT_BOOL, VALUE(span_query),
	  .commands = CMD_NAMES, .group = TRACES,
	  .help = "keep the query of URLs in spans and access log" },
	{ .name = "span-tls", .type = OPT_BOOL, VALUE(span_tls),
	  .commands = CMD_NAMES, .group = TRACES,
	  .help = "keep TLS version, cipher and server name in spans and access log" },
	{ .name = "span-rpc-message", .type = OPT_BOOL, VALUE(span_rpc_message),
	  .commands = CMD_NAMES, .group = TRACES,
	  .help = "keep grpc-message, in which applications explain errors" },
	{ .name = "redact", .type = OPT_BOOL, VALUE(redact), .def = "true",
	  .commands = CMD_NAMES, .group = TRACES,
	  .help = "of what is kept, hide the values of cookies, authorization, tokens and keys" },
	{ .name = "correlate", .type = OPT_BOOL, VALUE(correlate), .def = "true",
	  .commands = CMD_NAMES, .group = TRACES,
	  .help = "find the request that a process served when it sent another one" },
	{ .name = "propagate", .type = OPT_BOOL, VALUE(propagate),
	  .commands = CMD_RUN, .group = TRACES,
	  .help = "write traceparent into plain HTTP/1 requests: changes traffic" },
	{ .name = "zipkin-endpoint", .type = OPT_STRING, VALUE(zipkin_endpoint),
	  .def = "http://localhost:9411/api/v2/spans", .valid = valid_url, .want = "a URL",
	  .secret_url = true,
	  .commands = CMD_RUN, .group = TRACES, .env_alias = "OTEL_EXPORTER_ZIPKIN_ENDPOINT",
	  .metavar = "URL", .help = "for --traces-exporter zipkin" },
	{ .name = "resource-attributes", .type = OPT_WORDS, STRS(resource_attributes),
	  .valid = valid_attribute, .want = "a list of KEY=VALUE",
	  .commands = CMD_NAMES, .group = TRACES, .env_alias = "OTEL_RESOURCE_ATTRIBUTES",
	  .metavar = "K=V,...", .help = "attributes of every resource, percent-encoded" },

	OTLP_ROWS("otlp-", otlp, OTEL_OTLP, false, "10s"),
	OTLP_ROWS("otlp-traces-", otlp_traces, OTEL_OTLP "TRACES_", true, NULL),
	OTLP_ROWS("otlp-metrics-", otlp_metrics, OTEL_OTLP "METRICS_", true, NULL),
	OTLP_ROWS("otlp-logs-", otlp_logs, OTEL_OTLP "LOGS_", true, NULL),
	{ .name = "metrics-exporter", .type = OPT_ENUM, VALUE(metrics_exporter),
	  .names = signal_exporters, .def = "auto", .commands = CMD_RUN, .group = OTLP,
	  .env_alias = "OTEL_METRICS_EXPORTER", .env_words = true, .env_means = metrics_exporter_of,
	  .metavar = "NAME", .help = "metrics besides /metrics; auto: to OTLP when it has an endpoint" },
	{ .name = "logs-exporter", .type = OPT_ENUM, VALUE(logs_exporter),
	  .names = signal_exporters, .def = "none", .commands = CMD_RUN, .group = OTLP,
	  .env_alias = "OTEL_LOGS_EXPORTER", .env_words = true,
	  .metavar = "NAME", .help = "one log record for each request" },
	{ .name = "otlp-temporality", .type = OPT_STRING, VALUE(otlp_temporality),
	  .def = "cumulative", .valid = valid_temporality, .want = "cumulative, delta or lowmemory",
	  .commands = CMD_RUN, .group = OTLP,
	  .env_alias = OTEL_OTLP "METRICS_TEMPORALITY_PREFERENCE", .env_words = true,
	  .metavar = "NAME", .help = "of metrics: cumulative, delta, lowmemory" },
	{ .name = "otlp-histograms", .type = OPT_STRING, VALUE(otlp_histograms),
	  .def = "explicit_bucket_histogram", .valid = valid_histograms,
	  .want = "explicit_bucket_histogram or base2_exponential_bucket_histogram",
	  .commands = CMD_RUN, .group = OTLP,
	  .env_alias = OTEL_OTLP "METRICS_DEFAULT_HISTOGRAM_AGGREGATION", .env_words = true,
	  .metavar = "NAME", .help = "or base2_exponential_bucket_histogram" },
	{ .name = "metric-interval", .type = OPT_DURATION, VALUE(metric_interval_ns), .def = "1m",
	  .min = 100 * MS, .max = DAY, .commands = CMD_RUN, .group = OTLP,
	  .env_alias = "OTEL_METRIC_EXPORT_INTERVAL", .env_ms = true,
	  .metavar = "TIME", .help = "between two exports of metrics" },
	{ .name = "metric-timeout", .type = OPT_DURATION, VALUE(metric_timeout_ns), .def = "30s",
	  .min = MS, .max = DAY, .commands = CMD_RUN, .group = OTLP,
	  .env_alias = "OTEL_METRIC_EXPORT_TIMEOUT", .env_ms = true, .quiet = true,
	  .metavar = "TIME", .help = "give up an export of metrics after this" },
	QUEUE_ROWS("span", span, "OTEL_BSP_", "5s"),
	QUEUE_ROWS("log", log, "OTEL_BLRP_", "1s"),
	{ .name = "spool-dir", .type = OPT_STRING, VALUE(spool_dir), .def = "/var/lib/redeye/spool",
	  .commands = CMD_RUN, .group = OTLP,
	  .metavar = "DIR", .help = "what the collector does not take is kept here; none: nowhere" },
	{ .name = "spool-limit", .type = OPT_BYTES, VALUE(spool_limit_bytes), .def = "256MiB",
	  .min = MiB, .max = TiB, .commands = CMD_RUN, .group = OTLP,
	  .metavar = "SIZE", .help = "disk space for it; the oldest goes first" },

	{ .name = "access-log", .type = OPT_STRING, VALUE(access_log),
	  .commands = CMD_RUN, .group = ACCESS_LOG,
	  .metavar = "WHERE", .help = "a JSON line for each request: stdout, FILE, syslog[:SOCKET]" },
	{ .name = "access-log-max-size", .type = OPT_BYTES, VALUE(access_log_max_bytes),
	  .def = "100MiB", .max = TiB, .commands = CMD_RUN, .group = ACCESS_LOG,
	  .metavar = "SIZE", .help = "begin a new file at this size; 0: never" },
	{ .name = "access-log-backups", .type = OPT_U32, VALUE(access_log_backups), .def = "5",
	  .min = 0, .max = 1000, .commands = CMD_RUN, .group = ACCESS_LOG,
	  .metavar = "N", .help = "old files to keep" },

	{ .name = "memory-limit", .type = OPT_BYTES, VALUE(memory_limit_bytes), .def = "64MiB",
	  .min = 16 * MiB, .max = TiB, .commands = CMD_WATCH | CMD_REPLAY, .group = LIMITS,
	  .metavar = "SIZE", .help = "memory that redeye keeps to" },
	{ .name = "max-connections", .type = OPT_U32, VALUE(max_connections), .def = "16384",
	  .min = 64, .max = 1048576, .commands = CMD_CAPTURE | CMD_REPLAY, .group = LIMITS,
	  .metavar = "N", .help = "connections followed at once" },
	{ .name = "history-limit", .type = OPT_BYTES, VALUE(history_limit_bytes), .def = "32MiB",
	  .max = TiB, .commands = CMD_RUN, .group = LIMITS,
	  .metavar = "SIZE", .help = "memory for what the page and the HTTP API show, at most half of "
				     "--memory-limit; 0: no history" },

	{ .name = "duration", .type = OPT_DURATION, VALUE(duration_ns), .def = "0",
	  .min = 0, .max = 365 * DAY, .commands = CMD_CAPTURE, .group = RUNNING,
	  .metavar = "TIME", .help = "stop after this; 0: on a signal" },
	{ .name = "hardening", .type = OPT_BOOL, VALUE(hardening), .def = "true",
	  .commands = CMD_WATCH, .group = RUNNING,
	  .help = "give up the rights and system calls that only the start takes" },
	/* --service and --route of run name things; here they choose. */
	{ .name = "service", .type = OPT_STRING, VALUE(view.service), .flag_only = true,
	  .commands = CMD_VIEW, .group = SHOW,
	  .metavar = "NAME", .help = "this service; top: its routes" },
	{ .name = "route", .type = OPT_STRING, VALUE(view.route), .flag_only = true,
	  .commands = CMD_TAIL, .group = SHOW,
	  .metavar = "ROUTE", .help = "this route, such as /users/{id}, or method of RPC" },
	{ .name = "kind", .type = OPT_ENUM, VALUE(view.kind), .flag_only = true,
	  .names = view_kinds, .def = "any", .commands = CMD_VIEW, .group = SHOW,
	  .metavar = "NAME", .help = "what services serve, or what they ask of others" },
	{ .name = "method", .type = OPT_STRING, VALUE(view.method), .flag_only = true,
	  .valid = valid_method, .want = "a method of HTTP, such as GET",
	  .commands = CMD_TAIL, .group = SHOW,
	  .metavar = "NAME", .help = "this method of HTTP" },
	{ .name = "status", .type = OPT_STRING, VALUE(view.status), .flag_only = true,
	  .commands = CMD_TAIL, .group = SHOW,
	  .metavar = "STATUS", .help = "404, 5xx, NOT_FOUND, none, or error: whatever is one" },
	{ .name = "min-duration", .type = OPT_DURATION, VALUE(view.min_duration_ns),
	  .def = "0", .max = DAY, .flag_only = true, .commands = CMD_TAIL, .group = SHOW,
	  .metavar = "TIME", .help = "what took at least this" },
	{ .name = "text", .type = OPT_STRING, VALUE(view.text), .flag_only = true,
	  .commands = CMD_TAIL, .group = SHOW,
	  .metavar = "TEXT", .help = "begins the trace id, is the request id or in the path" },
	{ .name = "lines", .letter = 'n', .type = OPT_U32, VALUE(view.lines), .def = "0",
	  .min = 0, .max = UINT32_MAX, .flag_only = true, .commands = CMD_TAIL, .group = SHOW,
	  .metavar = "N", .help = "end after so many; 0: never" },
	{ .name = "sort", .type = OPT_ENUM, VALUE(view.sort), .flag_only = true,
	  .names = top_columns, .def = "rate", .commands = CMD_TOP, .group = SHOW,
	  .metavar = "COLUMN", .help = "sort by this column" },
	{ .name = "window", .type = OPT_DURATION, VALUE(view.window_ns), .flag_only = true,
	  .def = "1m", .min = SEC, .max = 6 * 3600 * SEC, .commands = CMD_TOP, .group = SHOW,
	  .metavar = "TIME", .help = "rates and quantiles are of the last so much" },
	{ .name = "interval", .type = OPT_DURATION, VALUE(view.interval_ns), .flag_only = true,
	  .def = "1s", .min = 100 * MS, .max = DAY, .commands = CMD_TOP, .group = SHOW,
	  .metavar = "TIME", .help = "between two looks; --once, given a selection, watches so long" },
	{ .name = "once", .type = OPT_BOOL, VALUE(view.once), .flag_only = true,
	  .commands = CMD_TOP, .group = SHOW,
	  .help = "print a plain table and end, as when the output is no terminal" },
	{ .name = "table", .type = OPT_BOOL, VALUE(table),
	  .commands = CMD_RUN, .group = RUNNING,
	  .help = "show rate, errors and duration on standard output" },
	{ .name = "output", .letter = 'o', .type = OPT_STRING, VALUE(output),
	  .commands = CMD_RECORD, .group = RUNNING,
	  .metavar = "FILE", .help = "the recording to write; it holds payload" },
	{ .name = "json", .type = OPT_BOOL, VALUE(json),
	  .commands = CMD_REPLAY | CMD_DOCTOR | CMD_VIEW, .group = RUNNING,
	  .help = "print JSON" },
	{ .name = "metrics", .type = OPT_BOOL, VALUE(metrics),
	  .commands = CMD_REPLAY, .group = RUNNING,
	  .help = "print what /metrics would say" },
	{ .name = "libraries", .type = OPT_STRING, VALUE(libraries), .no_key = true,
	  .commands = CMD_SIGNATURES, .group = RUNNING,
	  .metavar = "GLOB", .help = "only those of libraries that it matches: openssl" },
	{ .name = "log-level", .type = OPT_ENUM, VALUE(log_level),
	  .names = log_levels, .def = "info", .commands = CMD_ALL, .group = RUNNING,
	  .metavar = "LEVEL", .help = "what to say on standard error" },
	{ .name = "config", .type = OPT_STRING, VALUE(config_file), .no_key = true,
	  .commands = CMD_ALL, .group = RUNNING,
	  .metavar = "FILE", .help = "read options from this YAML file" },
};
/* clang-format on */

const size_t opt_table_n = sizeof(opt_table) / sizeof(opt_table[0]);

bool opt__is_secret(const struct opt *opt, const char *text)
{
	return text && *text && (opt->secret || (opt->secret_url && strpbrk(text, "@?#")));
}

static bool is_named(const struct opt *opt, const char *name, size_t len)
{
	return strlen(opt->name) == len && !memcmp(opt->name, name, len);
}

const struct opt *opt__find(const char *name, size_t len)
{
	for (const struct opt *opt = opt_table; opt < opt_table + opt_table_n; opt++) {
		if (!opt->flag_only && is_named(opt, name, len))
			return opt;
	}
	return NULL;
}

const struct opt *opt__find_flag(const struct opt_command *cmd, const char *name, size_t len)
{
	const struct opt *found = NULL;

	for (const struct opt *opt = opt_table; opt < opt_table + opt_table_n; opt++) {
		if (!is_named(opt, name, len))
			continue;
		if (opt->commands & cmd->bit)
			return opt;
		found = found ? found : opt;
	}
	return found;
}

const struct opt_command *opt__command(const char *name)
{
	for (size_t i = 0; i < sizeof(opt_commands) / sizeof(opt_commands[0]); i++) {
		if (!strcmp(opt_commands[i].name, name))
			return &opt_commands[i];
	}
	return NULL;
}
