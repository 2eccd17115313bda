// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "options_internal.h"

#define N(array)  (sizeof(array) / sizeof((array)[0]))
#define WORDS_MAX 32
#define TEXT_SIZE 16384

/* What a user gives: arguments and variables are split at spaces, the file is t.yaml. */
struct given {
	const char *args; /* the command first */
	const char *env;
	const char *file;
	const char *expect; /* the sentence, or a line of `redeye config` */
};

static char sentence[512];

static void write_file(const char *name, const char *text, size_t len)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static int split(char *text, char **words)
{
	char *save = NULL;
	int n = 0;

	for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		assert_true(n < WORDS_MAX - 3);
		words[n++] = w;
	}
	words[n] = NULL;
	return n;
}

static int parse(struct options *o, const struct given *g)
{
	char *args = strdup(g->args), *env = strdup(g->env ? g->env : "");
	char *argv[WORDS_MAX], *vars[WORDS_MAX], **saved = environ;
	int argc = split(args, argv), err;

	split(env, vars);
	if (g->file) {
		write_file("t.yaml", g->file, strlen(g->file));
		argv[argc++] = (char *)"--config";
		argv[argc++] = (char *)"t.yaml";
		argv[argc] = NULL;
	}
	environ = vars;
	sentence[0] = '\0';
	err = options__parse(o, argv[0], argc, argv, sentence, sizeof(sentence));
	environ = saved;
	free(args);
	free(env);
	return err;
}

static char *new_text(void)
{
	char *text = calloc(1, TEXT_SIZE);

	assert_non_null(text);
	return text;
}

static FILE *write_to(char *text)
{
	FILE *f = fmemopen(text, TEXT_SIZE, "w");

	assert_non_null(f);
	return f;
}

static char *printed(const struct options *o, const char *command)
{
	char *text = new_text();
	FILE *f = write_to(text);

	options__print(o, command, f);
	assert_int_equal(fclose(f), 0);
	return text;
}

static char *value_of(const struct options *o, const struct opt *opt)
{
	char *text = new_text();
	FILE *f = write_to(text);

	opt__print_value(o, opt, f);
	assert_int_equal(fclose(f), 0);
	return text;
}

static void expect_line(const struct given *g)
{
	char line[256], *text;
	struct options o;

	if (parse(&o, g))
		fail_msg("%s: %s", g->args, sentence);
	text = printed(&o, "run");
	snprintf(line, sizeof(line), "%s\n", g->expect);
	if (!strstr(text, line))
		fail_msg("%s | %s | %s: no line '%s' in\n%s", g->args, g->env, g->file, g->expect,
			 text);
	free(text);
	options__free(&o);
}

static void expect_sentence(const struct given *g)
{
	static const struct options zero;
	struct options o;

	assert_true(parse(&o, g) < 0);
	if (strcmp(sentence, g->expect))
		fail_msg("%s | %s | %s: '%s', not '%s'", g->args, g->env, g->file, sentence,
			 g->expect);
	assert_memory_equal(&o, &zero, sizeof(o));
}

/* clang-format off */
static const struct given lines[] = {
	/* flag > environment > file > default */
	{ "run --all", NULL, NULL, "max-routes: 100  # default" },
	{ "run --all", NULL, "max-routes: 7", "max-routes: 7  # t.yaml:1" },
	{ "run --all", "REDEYE_MAX_ROUTES=6", "max-routes: 7", "max-routes: 6  # env REDEYE_MAX_ROUTES" },
	{ "run --all --max-routes 5", "REDEYE_MAX_ROUTES=6", "max-routes: 7", "max-routes: 5  # flag" },
	{ "run --all --max-routes 5", NULL, "max-routes: 7", "max-routes: 5  # flag" },
	{ "run --all --no-learn-routes", "REDEYE_LEARN_ROUTES=true", NULL, "learn-routes: false  # flag" },
	{ "run --all --max-routes 5 --max-routes=4", NULL, NULL, "max-routes: 4  # flag" },
	/* a list is replaced, never mixed; one level's values add up */
	{ "run --port 1 --port=2,3", "REDEYE_PORT=4", "port: [5]", "port: [1, 2, 3]  # flag" },
	{ "run", "REDEYE_PORT=4,5", "port: [6]", "port: [4, 5]  # env REDEYE_PORT" },
	{ "run", NULL, "\nport: [6, 7]\n", "port: [6, 7]  # t.yaml:2" },
	{ "run", NULL, "port:\n  - 6\n  - 7\n", "port: [6, 7]  # t.yaml:1" },
	{ "run --all", NULL, "port: []", "port: []  # t.yaml:1" },
	{ "config", NULL, "", "port: []  # default" },
	{ "config", NULL, "---\n", "port: []  # default" },
	{ "config", NULL, "# only a comment\n", "port: []  # default" },
	/* an empty variable is no variable */
	{ "run --all", "REDEYE_MAX_ROUTES=", NULL, "max-routes: 100  # default" },
	/* globs may hold a comma: one value each */
	{ "config --exclude-rpc-method a.*/B,C --exclude-rpc-method=grpc.health.v1.Health/*", NULL, NULL,
	  "exclude-rpc-method: [\"a.*/B,C\", \"grpc.health.v1.Health/*\"]  # flag" },
	{ "config", NULL, NULL, "exclude-rpc-method: []  # default" },
	{ "config", NULL, NULL, "exclude-k8s-namespace: [\"kube-system\"]  # default" },
	{ "config --exclude-k8s-namespace a-*,b", NULL, NULL, "exclude-k8s-namespace: [\"a-*\", \"b\"]  # flag" },
	{ "config", NULL, "exclude-k8s-namespace: []", "exclude-k8s-namespace: []  # t.yaml:1" },
	{ "config --k8s-label app=a,b", NULL, NULL, "k8s-label: [\"app=a,b\"]  # flag" },
	{ "config", "REDEYE_KUBERNETES=off", NULL, "kubernetes: off  # env REDEYE_KUBERNETES" },
	{ "config", NULL, "exclude-rpc-method: ['grpc.reflection.*']", "exclude-rpc-method: [\"grpc.reflection.*\"]  # t.yaml:1" },
	{ "config", NULL, NULL, "span-rpc-message: false  # default" },
	{ "config --span-rpc-message", NULL, NULL, "span-rpc-message: true  # flag" },
	/* types */
	{ "config --table", NULL, NULL, "table: true  # flag" },
	{ "config --table=no", NULL, NULL, "table: false  # flag" },
	{ "config", "REDEYE_TABLE=1", NULL, "table: true  # env REDEYE_TABLE" },
	{ "config", NULL, "table: on", "table: true  # t.yaml:1" },
	{ "config --max-routes 1", NULL, NULL, "max-routes: 1  # flag" },
	{ "config --max-routes 10000", NULL, NULL, "max-routes: 10000  # flag" },
	{ "config --duration 500ms", NULL, NULL, "duration: 500ms  # flag" },
	{ "config --duration 90", NULL, NULL, "duration: 90s  # flag" },
	{ "config --duration 120s", NULL, NULL, "duration: 2m  # flag" },
	{ "config --duration 36h", NULL, NULL, "duration: 36h  # flag" },
	{ "config --duration 2d", NULL, NULL, "duration: 2d  # flag" },
	{ "config --duration 7us", NULL, NULL, "duration: 7us  # flag" },
	{ "config --duration 7ns", NULL, NULL, "duration: 7ns  # flag" },
	{ "config --duration 0", NULL, NULL, "duration: 0  # flag" },
	{ "config --memory-limit 67108865", NULL, NULL, "memory-limit: 67108865  # flag" },
	{ "config --memory-limit 67108864B", NULL, NULL, "memory-limit: 64MiB  # flag" },
	{ "config --memory-limit 100M", NULL, NULL, "memory-limit: 100MiB  # flag" },
	{ "config --memory-limit 1Gi", NULL, NULL, "memory-limit: 1GiB  # flag" },
	{ "config --ring-size 65536", NULL, NULL, "ring-size: 64KiB  # flag" },
	{ "config --ring-size 65537", NULL, NULL, "ring-size: 128KiB  # flag" },
	{ "config --ring-size 1GiB", NULL, NULL, "ring-size: 1GiB  # flag" },
	{ "config --backend syscall", NULL, NULL, "backend: syscall  # flag" },
	{ "config --port 65535", NULL, NULL, "port: [65535]  # flag" },
	{ "config --pid 4194304,1", NULL, NULL, "pid: [4194304, 1]  # flag" },
	{ "config --exe */{a,b} --exe c", NULL, NULL, "exe: [\"*/{a,b}\", \"c\"]  # flag" },
	{ "config", "REDEYE_EXE=*/a\n*/b,c", NULL, "exe: [\"*/a\", \"*/b,c\"]  # env REDEYE_EXE" },
	{ "config", NULL, "exe: '*/ba\"sh'", "exe: [\"*/ba\\\"sh\"]  # t.yaml:1" },
	{ "config", NULL, "known-methods: GET , POST", "known-methods: [\"GET\", \"POST\"]  # t.yaml:1" },
	{ "config --service */a=b=c", NULL, NULL, "service: [\"*/a=b=c\"]  # flag" },
	{ "config --listen [::1]:0", NULL, NULL, "listen: \"[::1]:0\"  # flag" },
	{ "config --listen none", NULL, NULL, "listen: \"none\"  # flag" },
	{ "config --socket none", NULL, NULL, "socket: \"none\"  # flag" },
	{ "config --history-limit 0", NULL, NULL, "history-limit: 0  # flag" },
	{ "config --history-limit 1MiB", NULL, NULL, "history-limit: 1MiB  # flag" },
	{ "config --listen-token-file=", "REDEYE_LISTEN_TOKEN_FILE=x", NULL, "listen-token-file: \"\"  # flag" },
	/* standard variables: weaker than ours, stronger than the file */
	{ "config", "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS=GET,FOO", "known-methods: A",
	  "known-methods: [\"GET\", \"FOO\"]  # env OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS" },
	{ "config", "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS=GET REDEYE_KNOWN_METHODS=PUT", NULL,
	  "known-methods: [\"PUT\"]  # env REDEYE_KNOWN_METHODS" },
	{ "config", "OTEL_EXPORTER_PROMETHEUS_HOST=0.0.0.0", NULL,
	  "listen: \"0.0.0.0:9464\"  # env OTEL_EXPORTER_PROMETHEUS_HOST" },
	{ "config", "OTEL_EXPORTER_PROMETHEUS_HOST= OTEL_EXPORTER_PROMETHEUS_PORT=80", NULL,
	  "listen: \"127.0.0.1:80\"  # env OTEL_EXPORTER_PROMETHEUS_PORT" },
	{ "config", "OTEL_EXPORTER_PROMETHEUS_HOST=:: OTEL_EXPORTER_PROMETHEUS_PORT=80", NULL,
	  "listen: \"[::]:80\"  # env OTEL_EXPORTER_PROMETHEUS_HOST" },
	{ "config", "OTEL_EXPORTER_PROMETHEUS_HOST=localhost", "listen: none",
	  "listen: \"127.0.0.1:9464\"  # env OTEL_EXPORTER_PROMETHEUS_HOST" },
	{ "config --listen none", "OTEL_EXPORTER_PROMETHEUS_PORT=80", NULL, "listen: \"none\"  # flag" },
	/* whose words are in any case, as in the specification's own tables */
	{ "config", "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=LowMemory", NULL,
	  "otlp-temporality: \"lowmemory\"  # env OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE" },
	{ "config", "OTEL_EXPORTER_OTLP_INSECURE=True", NULL,
	  "otlp-insecure: \"true\"  # env OTEL_EXPORTER_OTLP_INSECURE" },
	{ "config", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=GRPC", NULL,
	  "otlp-traces-protocol: \"grpc\"  # env OTEL_EXPORTER_OTLP_TRACES_PROTOCOL" },
	{ "config", "OTEL_TRACES_EXPORTER=Console", NULL, "traces-exporter: console  # env OTEL_TRACES_EXPORTER" },
	{ "config", "OTEL_PROPAGATORS=B3,TraceContext", NULL,
	  "propagators: [\"b3\", \"tracecontext\"]  # env OTEL_PROPAGATORS" },
	{ "config", "OTEL_EXPORTER_OTLP_ENDPOINT=http://Host/Path", NULL,
	  "otlp-endpoint: \"http://Host/Path\"  # env OTEL_EXPORTER_OTLP_ENDPOINT" },
	{ "config", "OTEL_METRICS_EXPORTER=prometheus", NULL, "metrics-exporter: none  # env OTEL_METRICS_EXPORTER" },
	{ "config", "OTEL_METRICS_EXPORTER=Prometheus,OTLP", NULL,
	  "metrics-exporter: otlp  # env OTEL_METRICS_EXPORTER" },
	{ "config", NULL, "kubernetes: false", "kubernetes: off  # t.yaml:1" },
	/* a Service called redeye in the same namespace is not a configuration */
	{ "config", "REDEYE_SERVICE_HOST=10.0.0.1 REDEYE_SERVICE_PORT=80 REDEYE_SERVICE_PORT_HTTP=80 "
	  "REDEYE_PORT=tcp://10.0.0.1:80 REDEYE_PORT_80_TCP=tcp://10.0.0.1:80 "
	  "REDEYE_PORT_80_TCP_ADDR=10.0.0.1", NULL, "port: []  # default" },
};

static const struct given errors[] = {
	{ "run", NULL, NULL, "nothing selected: use --port, --exe, --pid, --cgroup, --k8s-namespace or --all" },
	{ "run --no-all --exclude-port 1", NULL, NULL, "nothing selected: use --port, --exe, --pid, --cgroup, --k8s-namespace or --all" },
	{ "record --output x", NULL, NULL, "nothing selected: use --port, --exe, --pid, --cgroup, --k8s-namespace or --all" },
	{ "record --all", NULL, NULL, "nowhere to write: use --output FILE" },
	{ "replay", NULL, NULL, "missing FILE: redeye replay FILE" },
	{ "replay a b", NULL, NULL, "unexpected argument 'b': redeye replay takes one FILE" },
	{ "run --all -- x", NULL, NULL, "unexpected argument 'x': redeye run takes options only" },
	{ "version --all", NULL, NULL, "redeye version takes no options" },
	{ "run --prot 80", NULL, NULL, "unknown option --prot, did you mean --port?" },
	{ "run --max-route=80", NULL, NULL, "unknown option --max-route, did you mean --max-routes?" },
	{ "run --no-tabel", NULL, NULL, "unknown option --no-tabel, did you mean --no-table?" },
	{ "run --no-port", NULL, NULL, "unknown option --no-port: see redeye run --help" },
	{ "run --frobnicate", NULL, NULL, "unknown option --frobnicate: see redeye run --help" },
	{ "run --x", NULL, NULL, "unknown option --x: see redeye run --help" },
	{ "run -x", NULL, NULL, "unknown option -x: see redeye run --help" },
	{ "doctor --port 80", NULL, NULL, "redeye doctor has no option --port" },
	{ "run -o x", NULL, NULL, "redeye run has no option -o" },
	{ "run --port", NULL, NULL, "missing value: --port N" },
	{ "run --exe --all", NULL, NULL, "missing value: --exe GLOB" },
	{ "record --all -o", NULL, NULL, "missing value: -o FILE" },
	{ "run --no-table=1", NULL, NULL, "--no-table takes no value" },
	{ "run --table=2", NULL, NULL, "bad value '2' for --table: want true or false" },
	{ "run --port 0", NULL, NULL, "bad value '0' for --port: want a port from 1 to 65535" },
	{ "run --port 65536", NULL, NULL, "bad value '65536' for --port: want a port from 1 to 65535" },
	{ "run --port 80,,81", NULL, NULL, "bad value '' for --port: want a port from 1 to 65535" },
	{ "run --port 80,x", NULL, NULL, "bad value 'x' for --port: want a port from 1 to 65535" },
	{ "run --port=", NULL, NULL, "bad value '' for --port: want a port from 1 to 65535" },
	{ "run --pid 4194305", NULL, NULL, "bad value '4194305' for --pid: want a number from 1 to 4194304" },
	{ "run --exe=", NULL, NULL, "bad value '' for --exe: want a text that is not empty" },
	{ "run --max-routes 0", NULL, NULL, "bad value '0' for --max-routes: want a number from 1 to 10000" },
	{ "run --max-routes 10001", NULL, NULL, "bad value '10001' for --max-routes: want a number from 1 to 10000" },
	{ "run --max-routes -1", NULL, NULL, "bad value '-1' for --max-routes: want a number from 1 to 10000" },
	{ "run --max-routes 18446744073709551617", NULL, NULL,
	  "bad value '18446744073709551617' for --max-routes: want a number from 1 to 10000" },
	{ "run --max-routes 0x10", NULL, NULL, "bad value '0x10' for --max-routes: want a number from 1 to 10000" },
	{ "run --cardinality-limit 9", NULL, NULL, "bad value '9' for --cardinality-limit: want a number from 10 to 1000000" },
	{ "run --max-connections 63", NULL, NULL, "bad value '63' for --max-connections: want a number from 64 to 1048576" },
	{ "run --series-expiry 1y", NULL, NULL,
	  "bad value '1y' for --series-expiry: want a duration from 1s to 1d, such as 500ms, 10s, 5m or 1h" },
	{ "run --series-expiry 999ms", NULL, NULL,
	  "bad value '999ms' for --series-expiry: want a duration from 1s to 1d, such as 500ms, 10s, 5m or 1h" },
	{ "run --duration 99999999999999999d", NULL, NULL,
	  "bad value '99999999999999999d' for --duration: want a duration from 0 to 365d, such as 500ms, 10s, 5m or 1h" },
	{ "run --ring-size 63KiB", NULL, NULL,
	  "bad value '63KiB' for --ring-size: want a size from 64KiB to 1GiB, such as 64MiB, 4M or 1048576" },
	{ "run --ring-size 1073741825", NULL, NULL,
	  "bad value '1073741825' for --ring-size: want a size from 64KiB to 1GiB, such as 64MiB, 4M or 1048576" },
	{ "run --memory-limit 64MB", NULL, NULL,
	  "bad value '64MB' for --memory-limit: want a size from 16MiB to 1TiB, such as 64MiB, 4M or 1048576" },
	{ "run --memory-limit MiB", NULL, NULL,
	  "bad value 'MiB' for --memory-limit: want a size from 16MiB to 1TiB, such as 64MiB, 4M or 1048576" },
	{ "run --backend ebpf", NULL, NULL,
	  "bad value 'ebpf' for --backend: want one of auto, sock, fentry, kprobe, syscall" },
	{ "run --log-level warning", NULL, NULL,
	  "bad value 'warning' for --log-level: want one of error, warn, info, debug" },
	{ "run --listen host:80", NULL, NULL,
	  "bad value 'host:80' for --listen: want IP:PORT, such as 127.0.0.1:9464 or [::1]:9464, or none" },
	{ "run --listen ::1:80", NULL, NULL,
	  "bad value '::1:80' for --listen: want IP:PORT, such as 127.0.0.1:9464 or [::1]:9464, or none" },
	{ "run --listen [::1:80", NULL, NULL,
	  "bad value '[::1:80' for --listen: want IP:PORT, such as 127.0.0.1:9464 or [::1]:9464, or none" },
	{ "run --listen [::1]", NULL, NULL,
	  "bad value '[::1]' for --listen: want IP:PORT, such as 127.0.0.1:9464 or [::1]:9464, or none" },
	{ "run --listen 127.0.0.1:65536", NULL, NULL,
	  "bad value '127.0.0.1:65536' for --listen: want IP:PORT, such as 127.0.0.1:9464 or [::1]:9464, or none" },
	{ "run --listen=", NULL, NULL,
	  "bad value '' for --listen: want IP:PORT, such as 127.0.0.1:9464 or [::1]:9464, or none" },
	{ "run --service nginx", NULL, NULL, "bad value 'nginx' for --service: want GLOB=NAME" },
	{ "run --service */nginx=", NULL, NULL, "bad value '*/nginx=' for --service: want GLOB=NAME" },
	{ "run --route users", NULL, NULL,
	  "bad value 'users' for --route: want a template that begins with '/', such as /users/{id}" },
	{ "run --known-methods GET,P@ST", NULL, NULL,
	  "bad value 'P@ST' for --known-methods: want a list of HTTP methods, such as GET,POST" },
	{ "run --all --history-limit 1023KiB", NULL, NULL,
	  "history-limit is too small: want 0, or 1MiB or more" },
	{ "run --all --listen-tls-cert c", NULL, NULL, "listen-tls-cert needs listen-tls-key" },
	{ "run --all", "REDEYE_LISTEN_TLS_KEY=k", NULL, "listen-tls-key needs listen-tls-cert" },
	{ "top --listen none", NULL, NULL, "redeye top has no option --listen" },
	{ "run --all --once", NULL, NULL, "redeye run has no option --once" },
	{ "run --all --min-duration 1s", NULL, NULL, "redeye run has no option --min-duration" },
	{ "tail --methd GET", NULL, NULL, "unknown option --methd, did you mean --method?" },
	{ "tail --method G@T", NULL, NULL, "bad value 'G@T' for --method: want a method of HTTP, such as GET" },
	{ "top --sort size", NULL, NULL,
	  "bad value 'size' for --sort: want one of name, rate, count, errors, p50, p95, p99" },
	{ "top --window 7h", NULL, NULL,
	  "bad value '7h' for --window: want a duration from 1s to 6h, such as 500ms, 10s, 5m or 1h" },
	{ "tail", "REDEYE_LINES=5", NULL, "unknown environment variable REDEYE_LINES" },
	{ "tail", "REDEYE_SERVICE=shop", NULL, "bad value 'shop' for REDEYE_SERVICE: want GLOB=NAME" },
	{ "tail", NULL, "min-duration: 1s", "t.yaml:1: unknown key 'min-duration'" },
	{ "run --all --config nope.yaml", NULL, NULL, "cannot read nope.yaml: No such file or directory" },
	{ "run --all --config .", NULL, NULL, "cannot read .: Is a directory" },
	{ "run --all --config /dev/zero", NULL, NULL, "cannot read /dev/zero: larger than 1 MiB" },

	{ "run --all", "REDEYE_PORT=x", NULL, "bad value 'x' for REDEYE_PORT: want a port from 1 to 65535" },
	{ "run --all --port 80", "REDEYE_PORT=x", NULL, "bad value 'x' for REDEYE_PORT: want a port from 1 to 65535" },
	{ "replay f", "REDEYE_PORT=x", NULL, "bad value 'x' for REDEYE_PORT: want a port from 1 to 65535" },
	{ "run --all", "REDEYE_PROT=80", NULL, "unknown environment variable REDEYE_PROT, did you mean REDEYE_PORT?" },
	{ "run --all", "REDEYE_NO_TABLE=1", NULL, "unknown environment variable REDEYE_NO_TABLE" },
	{ "run --all", "OTEL_EXPORTER_PROMETHEUS_HOST=example.org", NULL,
	  "bad value 'example.org' for OTEL_EXPORTER_PROMETHEUS_HOST: want an IP address or localhost" },
	{ "run --all", "OTEL_EXPORTER_PROMETHEUS_PORT=http", NULL,
	  "bad value 'http' for OTEL_EXPORTER_PROMETHEUS_PORT: want a port from 0 to 65535" },

	{ "run --all", NULL, "\n\nport: x\n", "t.yaml:3: bad value 'x' for port: want a port from 1 to 65535" },
	{ "run --all", NULL, "port:\n- 80\n- x\n", "t.yaml:3: bad value 'x' for port: want a port from 1 to 65535" },
	{ "run --all --port 80", NULL, "port: x\n", "t.yaml:1: bad value 'x' for port: want a port from 1 to 65535" },
	{ "doctor", NULL, "port: x\n", "t.yaml:1: bad value 'x' for port: want a port from 1 to 65535" },
	{ "run --all", NULL, "table: true\nprot: 80\n", "t.yaml:2: unknown key 'prot', did you mean 'port'?" },
	{ "run --all", NULL, "frobnicate: 80\n", "t.yaml:1: unknown key 'frobnicate'" },
	{ "run --all", NULL, "config: x\n", "t.yaml:1: unknown key 'config'" },
	{ "run --all", NULL, "table: true\n\ntable: false\n", "t.yaml:3: duplicate key 'table', it is on line 1 already" },
	{ "run --all --no-table", NULL, "table: true\ntable: false\n", "t.yaml:2: duplicate key 'table', it is on line 1 already" },
	{ "run --all", NULL, "port: 1\nport: 2\n", "t.yaml:2: duplicate key 'port', it is on line 1 already" },
	{ "run --all", NULL, "table:\n", "t.yaml:1: missing value for table" },
	{ "run --all", NULL, "exe: ~\n", "t.yaml:1: missing value for exe" },
	{ "run --all", NULL, "exe: [a, null]\n", "t.yaml:1: missing value for exe" },
	{ "run --all", NULL, "exe: [a, '']\n", "t.yaml:1: bad value '' for exe: want a text that is not empty" },
	{ "run --all", NULL, "max-routes: [5]\n", "t.yaml:1: bad value for max-routes: want one value" },
	{ "run --all", NULL, "table: {a: b}\n", "t.yaml:1: bad value for table: want one value" },
	{ "run --all", NULL, "port: {a: b}\n", "t.yaml:1: bad value for port: want a value or a list of values" },
	{ "run --all", NULL, "port: [[1]]\n", "t.yaml:1: bad value for port: want a value or a list of values" },
	{ "run --all", NULL, "exe: \"a\\0b\"\n", "t.yaml:1: bad value for exe: want a value or a list of values" },
	{ "run --all", NULL, "port: *anchor\n", "t.yaml:1: bad value for port: want a value or a list of values" },
	{ "run --all", NULL, "[port]: 80\n", "t.yaml:1: want the name of an option" },
	{ "run --all", NULL, "\nport 80\n", "t.yaml:2: want lines of the form 'option: value'" },
	{ "run --all", NULL, "- port\n", "t.yaml:1: want lines of the form 'option: value'" },
	{ "run --all", NULL, "table: true\n---\ntable: true\n", "t.yaml:2: more than one document" },
	{ "run --all", NULL, "table: true\nport: [80,\n 81\n", "t.yaml:4: not YAML: did not find expected ',' or ']'" },
	{ "run --all", NULL, "table: true\n\tport: 80\n", "t.yaml:2: not YAML: found a tab character that violates indentation" },
	{ "run --all", NULL, "table: true\n\nexe: \xff\n", "t.yaml:3: not YAML: invalid leading UTF-8 octet" },
};

/* For each type: a text that is not the default, and how it is printed. */
static const struct sample {
	const char *text, *printed;
} samples[] = {
	[OPT_U32] = { "77", "77" },
	[OPT_DURATION] = { "1h", "1h" },
	[OPT_BYTES] = { "32M", "32MiB" },
	[OPT_STRING] = { "file", "\"file\"" },
	[OPT_STRS] = { "x", "[\"x\"]" },
	[OPT_WORDS] = { "A,B", "[\"A\", \"B\"]" },
	[OPT_PORTS] = { "8080", "[8080]" },
	[OPT_PIDS] = { "42", "[42]" },
};
/* clang-format on */

/* For the options that take only some texts: the first of these that is one. */
static struct sample valid_sample(const struct opt *opt)
{
	static const char *const texts[] = {
		"1.2.3.4:5", "/x",    "x=y",        "always_off",
		"0.5",       "b3",    "grpc",       "gzip",
		"true",      "delta", "http://h:1", "base2_exponential_bucket_histogram"
	};
	static char printed[64];
	const char *brackets = opt__is_list(opt) ? "[]" : "";
	size_t i = 0;

	while (i < N(texts) && !opt->valid(texts[i]))
		i++;
	assert_true(i < N(texts));
	snprintf(printed, sizeof(printed), "%.1s\"%s\"%s", brackets, texts[i],
		 *brackets ? brackets + 1 : "");
	return (struct sample){ texts[i], printed };
}

static struct sample sample(const struct opt *opt)
{
	if (opt->type == OPT_BOOL)
		return opt->def ? (struct sample){ "false", "false" }
				: (struct sample){ "true", "true" };
	if (opt->type == OPT_ENUM)
		return (struct sample){ opt->names[1], opt->names[1] };
	if (opt->valid && !opt->valid("file"))
		return valid_sample(opt);
	return samples[opt->type];
}

/* Enough to satisfy what the command requires, and what the option needs beside it. */
static const char *base_args(unsigned int command, const struct opt *opt)
{
	if (!strcmp(opt->name, "listen-tls-cert"))
		return "config --listen-tls-key k";
	if (!strcmp(opt->name, "listen-tls-key"))
		return "config --listen-tls-cert c";
	if (command == CMD_RECORD && !strcmp(opt->name, "output"))
		return "record --all";
	if (command == CMD_RECORD)
		return strcmp(opt->name, "all") ? "record --all --output f"
						: "record --pid 1 --output f";
	return command == CMD_RUN          ? "config"
	       : command == CMD_REPLAY     ? "replay f"
	       : command == CMD_SIGNATURES ? "signatures f"
	       : command == CMD_TOP        ? "top"
	       : command == CMD_TAIL       ? "tail"
					   : "doctor";
}

static void expect_origin(const struct given *g, const struct opt *opt, enum opt_level level)
{
	struct options o;
	char *text;

	if (parse(&o, g))
		fail_msg("%s: %s", g->args, sentence);
	text = value_of(&o, opt);
	assert_string_equal(text, sample(opt).printed);
	assert_int_equal(opt__origin(&o, opt)->level, level);
	free(text);
	options__free(&o);
}

static void reach(const struct opt *opt, unsigned int command)
{
	const char *base = base_args(command, opt), *text = sample(opt).text;
	char args[256], env[256], name[64], file[256];

	snprintf(args, sizeof(args), "%s --%s=%s", base, opt->name, text);
	expect_origin(&(struct given){ args, NULL, NULL, NULL }, opt, LEVEL_FLAG);
	if (opt->flag_only)
		return;
	opt__env_name(opt, name, sizeof(name));
	snprintf(env, sizeof(env), "%s=%s", name, text);
	expect_origin(&(struct given){ base, env, NULL, NULL }, opt, LEVEL_ENV);
	snprintf(file, sizeof(file), "%s: %s\n", opt->name, text);
	if (!opt->no_key)
		expect_origin(&(struct given){ base, NULL, file, NULL }, opt, LEVEL_FILE);
}

static void every_option_is_reachable_by_flag_variable_and_file(void **state)
{
	write_file("file", "", 0); /* the sample of --config */
	for (const struct opt *opt = opt_table; opt < opt_table + opt_table_n; opt++) {
		assert_int_not_equal(opt->commands, 0);
		for (unsigned int command = CMD_RUN; command <= CMD_TAIL; command <<= 1) {
			if (opt->commands & command)
				reach(opt, command);
		}
	}
}

static void values_and_their_origins(void **state)
{
	for (size_t i = 0; i < N(lines); i++)
		expect_line(&lines[i]);
}

static void each_mistake_has_its_sentence(void **state)
{
	for (size_t i = 0; i < N(errors); i++)
		expect_sentence(&errors[i]);
}

static void options_of_other_commands_are_checked_and_ignored(void **state)
{
	struct options o;

	assert_int_equal(parse(&o, &(struct given){ "replay f --json", "REDEYE_PORT=80",
						    "all: true\noutput: x\n", NULL }),
			 0);
	assert_int_equal(o.include.n_ports, 0);
	assert_false(o.include.all);
	assert_null(o.output);
	assert_string_equal(o.input, "f");
	assert_true(o.json);
	assert_int_equal(o.max_routes, 100);
	options__free(&o);
}

/* The same words name things in run and choose among them in tail. */
static void a_flag_is_what_the_command_means(void **state)
{
	struct options o;

	assert_int_equal(
		parse(&o, &(struct given){ "tail --service shop --route x -n 3 --status 5xx",
					   "REDEYE_SERVICE=*/a=b", "route: /y", NULL }),
		0);
	assert_string_equal(o.view.service, "shop");
	assert_string_equal(o.view.route, "x");
	assert_string_equal(o.view.status, "5xx");
	assert_int_equal(o.view.lines, 3);
	assert_int_equal(o.services.n, 0);
	assert_int_equal(o.routes.n, 0);
	options__free(&o);
	assert_int_equal(parse(&o, &(struct given){ "run --all --service */a=b", 0, 0, 0 }), 0);
	assert_null(o.view.service);
	assert_int_equal(o.services.n, 1);
	options__free(&o);
}

static void a_selection_is_what_somebody_said_now(void **state)
{
	static const struct {
		struct given given;
		bool selects;
	} cases[] = {
		{ { "top", NULL, NULL, NULL }, false },
		{ { "top --port 1", NULL, NULL, NULL }, true },
		{ { "top --all", NULL, NULL, NULL }, true },
		{ { "top --no-all", NULL, NULL, NULL }, false },
		{ { "tail --cgroup /x", NULL, NULL, NULL }, true },
		{ { "tail --k8s-namespace shop", NULL, NULL, NULL }, true },
		{ { "tail --k8s-label app=x", NULL, NULL, NULL }, true },
		{ { "tail --k8s-annotation a/b=x", NULL, NULL, NULL }, true },
		{ { "tail --image '*/nginx'", NULL, NULL, NULL }, true },
		{ { "tail --exclude-k8s-namespace shop", NULL, NULL, NULL }, false },
		{ { "tail --exclude-port 1", NULL, NULL, NULL }, false },
		{ { "top", "REDEYE_PORT=1", NULL, NULL }, false },
		{ { "top --no-all", "REDEYE_PORT=1", NULL, NULL }, false },
		{ { "top", NULL, "exe: [a]", NULL }, true },
		{ { "top", NULL, "exe: []", NULL }, false },
	};

	for (size_t i = 0; i < N(cases); i++) {
		struct options o;

		assert_int_equal(parse(&o, &cases[i].given), 0);
		if (options__selects(&o) != cases[i].selects)
			fail_msg("case %zu", i);
		options__free(&o);
	}
}

/* No command's fields are left without their defaults: a caller may read them all. */
static void defaults_are_the_documented_ones(void **state)
{
	struct options o;

	assert_int_equal(parse(&o, &(struct given){ "doctor", NULL, NULL, NULL }), 0);
	assert_int_equal(o.backend, BACKEND_AUTO);
	assert_true(o.learn_routes);
	assert_true(o.body_size_metrics);
	assert_int_equal(o.max_routes, 100);
	assert_string_equal(o.listen, "127.0.0.1:9464");
	assert_int_equal(o.cardinality_limit, 2000);
	assert_int_equal(o.series_expiry_ns, 300000000000);
	assert_int_equal(o.memory_limit_bytes, 64 << 20);
	assert_int_equal(o.history_limit_bytes, 32 << 20);
	assert_string_equal(o.socket, "/run/redeye/redeye.sock");
	assert_int_equal(o.max_connections, 16384);
	assert_int_equal(o.ring_bytes, 4 << 20);
	assert_int_equal(o.duration_ns, 0);
	assert_int_equal(o.log_level, LOG_LEVEL_INFO);
	assert_false(o.table || o.bpf_stats || o.json || o.metrics || o.include.all);
	options__free(&o);
}

static void strip_comments(char *text)
{
	char *to = text;

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char *comment = strstr(line, "  # ");

		assert_non_null(comment);
		memmove(to, line, comment - line);
		to += comment - line;
		*to++ = '\n';
	}
	*to = '\0';
}

static void expect_same_when_read_back(const struct options *o, const char *command)
{
	char *text = printed(o, command), *again;
	struct options back;

	if (parse(&back, &(struct given){ command, NULL, text, NULL }))
		fail_msg("%s in:\n%s", sentence, text);
	again = printed(&back, command);
	assert_non_null(strstr(again, "  # t.yaml:1\n"));
	assert_null(strstr(again, "# default"));
	strip_comments(text);
	strip_comments(again);
	assert_string_equal(again, text);
	options__free(&back);
	free(text);
	free(again);
}

static void printed_configuration_reads_back(void **state)
{
	/* clang-format off */
	const char *argv[] = {
		"config", "--all", "--port", "1,65535", "--pid", "7", "--route", "/{x}",
		"--exe", " a # b: [c]\t\"\\", "--exe", "null", "--exe", "~", "--exe", "\r", "--exe", "#",
		"--exe", "\xc3\xa9 \xe2\x80\xa8 \xe2\x80\xae \xf0\x9f\x90\x9d",
		"--exe", "\xc2\x85 \x01 \x7f \xef\xbb\xbf \xef\xbf\xbf",
		"--service", "a: b=c'd'", "--listen-token-file", "- x\n\ny", "--known-methods", "A,B",
		"--duration", "1001ms", "--memory-limit", "16777217", "--no-learn-routes", "--table",
	};
	/* clang-format on */
	char *saved[] = { NULL }, **old = environ;
	struct options o;

	environ = saved;
	assert_int_equal(
		options__parse(&o, "config", N(argv), (char **)argv, sentence, sizeof(sentence)),
		0);
	environ = old;
	expect_same_when_read_back(&o, "config");
	options__free(&o);
}

static void text_that_is_not_utf8_is_refused(void **state)
{
	expect_sentence(
		&(struct given){ "run --exe a\xff", NULL, NULL,
				 "bad value 'a\xff' for --exe: want a text that is not empty" });
}

static char *help_of(const char *command)
{
	char *text = new_text();
	FILE *f = write_to(text);

	opt__print_help(opt__command(command), f);
	assert_int_equal(fclose(f), 0);
	return text;
}

static void help_mentions_exactly_the_options_of_the_command(void **state)
{
	static const char *const commands[] = { "run",        "record", "replay", "doctor",
						"signatures", "config", "top",    "tail" };
	char flag[64];

	for (size_t i = 0; i < N(commands); i++) {
		const struct opt_command *cmd = opt__command(commands[i]);
		char *text = help_of(commands[i]);

		for (const struct opt *opt = opt_table; opt < opt_table + opt_table_n; opt++) {
			bool no = opt->type == OPT_BOOL && opt->def;

			snprintf(flag, sizeof(flag), " --%s%s ", no ? "[no-]" : "", opt->name);
			if (opt__find_flag(cmd, opt->name, strlen(opt->name)) == opt)
				assert_int_equal(!!strstr(text, flag),
						 !opt->quiet && opt->commands & cmd->bit);
			assert_non_null(opt->help);
			assert_int_equal(!opt->metavar, opt->type == OPT_BOOL);
		}
		for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
			assert_in_range(strlen(line), 0, 100);
		free(text);
	}
}

static void help_wins_over_later_mistakes(void **state)
{
	int out = dup(STDOUT_FILENO), ret;
	struct options o;

	fflush(stdout);
	assert_non_null(freopen("help.txt", "w", stdout));
	ret = parse(&o, &(struct given){ "run --help --frobnicate", "REDEYE_X=1", NULL, NULL });
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	close(out);
	assert_int_equal(ret, 1);
	options__free(&o);
}

/* A reload: same argv, changed file, fresh structure, the old one still in use. */
static void a_second_parse_knows_nothing_of_the_first(void **state)
{
	struct options first, second;

	assert_int_equal(parse(&first, &(struct given){ "run --port 1", 0, "exe: [a, b]", 0 }), 0);
	assert_int_equal(parse(&second, &(struct given){ "run --port 1", 0, "table: true", 0 }), 0);
	assert_int_equal(first.include.exes.n, 2);
	assert_int_equal(second.include.exes.n, 0);
	assert_int_equal(second.include.n_ports, 1);
	assert_true(second.table);
	options__free(&first);
	options__free(&second);
}

static void free_accepts_nothing(void **state)
{
	struct options o = { 0 };

	options__free(NULL);
	options__free(&o);
	options__free(&o);
}

/* A short buffer truncates the sentence and nothing else. */
static void a_sentence_is_cut_to_its_buffer(void **state)
{
	char *argv[] = { (char *)"run", (char *)"--prot", NULL }, small[8] = "";
	struct options o;

	assert_int_equal(options__parse(&o, "run", 2, argv, small, sizeof(small)), -EINVAL);
	assert_string_equal(small, "unknown");
	assert_int_equal(options__parse(&o, "run", 2, argv, NULL, 0), -EINVAL);
}

static int enter_directory(void **state)
{
	static char dir[] = "/tmp/redeye-options-XXXXXX";

	return !mkdtemp(dir) || chdir(dir);
}

static int remove_directory(void **state)
{
	char dir[256];

	unlink("t.yaml");
	unlink("file");
	unlink("help.txt");
	return !getcwd(dir, sizeof(dir)) || rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_and_their_origins),
		cmocka_unit_test(each_mistake_has_its_sentence),
		cmocka_unit_test(every_option_is_reachable_by_flag_variable_and_file),
		cmocka_unit_test(options_of_other_commands_are_checked_and_ignored),
		cmocka_unit_test(a_flag_is_what_the_command_means),
		cmocka_unit_test(a_selection_is_what_somebody_said_now),
		cmocka_unit_test(defaults_are_the_documented_ones),
		cmocka_unit_test(printed_configuration_reads_back),
		cmocka_unit_test(text_that_is_not_utf8_is_refused),
		cmocka_unit_test(help_mentions_exactly_the_options_of_the_command),
		cmocka_unit_test(help_wins_over_later_mistakes),
		cmocka_unit_test(a_second_parse_knows_nothing_of_the_first),
		cmocka_unit_test(free_accepts_nothing),
		cmocka_unit_test(a_sentence_is_cut_to_its_buffer),
	};

	return cmocka_run_group_tests(tests, enter_directory, remove_directory);
}
