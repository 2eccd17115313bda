/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Everything a user can set, in one structure; options.c holds the one table
 * from which the flags, the environment variables, the configuration file,
 * `--help` and `redeye config` are made. Precedence: flag > environment >
 * file > default. A list given by a higher level replaces the lower one's.
 */
#ifndef RED_OPTIONS_H
#define RED_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct opt_origin; /* options_internal.h */

struct str_list {
	char **v;
	size_t n;
};

/* One selection: a process matches when any of the lists, or `all`, says so. */
struct selection {
	uint32_t *pids;
	size_t n_pids;
	uint16_t *ports;
	size_t n_ports;
	struct str_list exes;    /* fnmatch globs on the executable's path */
	struct str_list cgroups; /* cgroup path, or a glob on it, as in /proc/PID/cgroup */
	/* Of its pod and container. */
	struct str_list k8s_namespaces, images;      /* globs */
	struct str_list k8s_labels, k8s_annotations; /* KEY=VALUE */
	bool all;
};

enum backend_id {
	BACKEND_AUTO = 0,
	BACKEND_SOCK = 1,
	BACKEND_FENTRY = 2,
	BACKEND_KPROBE = 3,
	BACKEND_SYSCALL = 4,
};

enum uprobe_scope {
	UPROBE_SCOPE_AUTO = 0,    /* process, and file for what many use */
	UPROBE_SCOPE_PROCESS = 1, /* breakpoints in the memory of selected processes only */
	UPROBE_SCOPE_FILE = 2,    /* in that of everybody who maps the file */
};

enum traces_exporter {
	TRACES_AUTO = 0, /* otlp when it has an endpoint, else none */
	TRACES_OTLP = 1,
	TRACES_ZIPKIN = 2,
	TRACES_CONSOLE = 3,
	TRACES_NONE = 4,
};

/* Of metrics and of logs, besides /metrics and the access log. */
enum signal_exporter {
	SIGNAL_AUTO = 0, /* metrics: otlp when it has an endpoint, else none; logs: none */
	SIGNAL_OTLP = 1,
	SIGNAL_NONE = 2,
};

/* One signal's, or what all signals have in common. NULL and 0: not set here. As the
 * OpenTelemetry variables OTEL_EXPORTER_OTLP_* say it. */
struct otlp_options {
	char *endpoint;
	char *protocol;    /* http/protobuf, grpc, http/json */
	char *headers;     /* k=v,k2=v2, percent-encoded */
	char *compression; /* gzip, none */
	char *certificate; /* PEM file: whom to trust */
	char *client_key, *client_certificate;
	char *insecure; /* true, false: grpc without a scheme */
	uint64_t timeout_ns;
};

/* What top and tail show. Flags only. */
struct view_options {
	char *service, *route, *status, *method, *text; /* NULL: any */
	int kind;                                       /* enum view_kind */
	uint64_t min_duration_ns;
	uint32_t lines; /* tail ends after so many; 0: never */
	bool once;
	int sort; /* enum top_column */
	uint64_t interval_ns, window_ns;
};

enum view_kind {
	VIEW_ANY = 0,
	VIEW_SERVER = 1,
	VIEW_CLIENT = 2,
};

/* In the order of the columns. */
enum top_column {
	TOP_NAME = 0,
	TOP_RATE = 1,
	TOP_COUNT = 2,
	TOP_ERRORS = 3,
	TOP_P50 = 4,
	TOP_P95 = 5,
	TOP_P99 = 6,
	TOP_COLUMN__CNT,
};

struct options {
	/* what to watch */
	struct selection include, exclude;
	enum backend_id backend;
	bool tls;             /* plaintext of TLS libraries, by uprobes */
	int uprobe_scope;     /* enum uprobe_scope */
	char *tls_signatures; /* NULL: none */

	/* names */
	struct str_list services; /* "GLOB=NAME": executables that match GLOB are NAME */
	struct str_list routes;   /* "/users/{id}": configured templates, first match wins */
	bool learn_routes;
	uint32_t max_routes;                 /* learned templates per service; methods of RPC */
	struct str_list known_methods;       /* empty: the conventions' set */
	struct str_list exclude_rpc_methods; /* globs: calls that are not reported */

	/* Kubernetes */
	int kubernetes;        /* enum k8s_mode */
	char *kubernetes_api;  /* NULL: as a pod's environment says */
	char *kubernetes_node; /* NULL: NODE_NAME, else the host's name */
	char *kubernetes_token_file, *kubernetes_ca_file;          /* NULL: the service account's */
	struct str_list kubernetes_labels, kubernetes_annotations; /* globs: become attributes */
	bool kubernetes_app_labels; /* app.kubernetes.io/... name services */

	/* metrics */
	char *listen; /* "127.0.0.1:9464", "[::1]:9464", "none" */
	char *listen_tls_cert, *listen_tls_key, *listen_token_file;
	bool admin_remote;          /* /admin/ from other machines too */
	uint32_t cardinality_limit; /* series per metric */
	char *socket;               /* of the API: a path, or "none" */
	uint64_t series_expiry_ns;  /* idle series of ended processes go after this */
	bool body_size_metrics;

	/* traces */
	int traces_exporter;   /* enum traces_exporter */
	char *sampler;         /* a name of OTEL_TRACES_SAMPLER */
	char *sampler_arg;     /* NULL: none */
	bool keep_errors;      /* these four: kept although the sampler would not */
	uint64_t keep_slow_ns; /* 0: off */
	bool keep_slowest;     /* above the route's p99 */
	bool keep_new_routes;
	uint32_t trace_limit;        /* spans a second and service; 0: none */
	struct str_list propagators; /* tracecontext, b3, b3multi, none */
	char *debug_header;          /* lower or mixed case; NULL: none */
	char *request_id_header;
	struct str_list span_headers; /* request headers to keep as attributes */
	bool span_query;              /* keep the query of URLs */
	bool span_tls;                /* keep what TLS handshakes say */
	bool span_rpc_message;        /* keep what an RPC's status says in words */
	bool redact;                  /* of what is kept, the values of known secrets */
	bool correlate;
	bool propagate;
	char *zipkin_endpoint;
	struct str_list resource_attributes; /* k=v, for every resource */

	/* OTLP */
	struct otlp_options otlp, otlp_traces, otlp_metrics, otlp_logs;
	int metrics_exporter, logs_exporter; /* enum signal_exporter */
	char *otlp_temporality;              /* cumulative, delta, lowmemory */
	char *otlp_histograms; /* explicit_bucket_histogram, base2_exponential_bucket_histogram */
	uint64_t metric_interval_ns, metric_timeout_ns;
	uint64_t span_delay_ns, span_timeout_ns;
	uint32_t span_queue, span_batch;
	uint64_t log_delay_ns, log_timeout_ns;
	uint32_t log_queue, log_batch;
	char *spool_dir; /* "none": nothing is kept on disk */
	uint64_t spool_limit_bytes;

	/* access log */
	char *access_log;              /* NULL: none; stdout, syslog, syslog:PATH, or a file */
	uint64_t access_log_max_bytes; /* 0: no rotation */
	uint32_t access_log_backups;

	/* limits */
	uint64_t memory_limit_bytes;
	uint64_t history_limit_bytes; /* 0: no history; at most half of the above is used */
	uint32_t max_connections;
	uint64_t ring_bytes; /* power of two, multiple of the page size */

	/* running */
	uint64_t duration_ns; /* 0: until a signal */
	bool hardening;       /* give up rights after the start */
	bool table;           /* live RED table on standard output */
	bool bpf_stats;       /* let the kernel measure each BPF program's run time */
	int log_level;        /* enum log_level */
	char *config_file;

	struct view_options view;

	/* record, replay, doctor */
	char *output;    /* record: the file to write */
	char *input;     /* replay, signatures: the file to read (operand) */
	bool json;       /* replay, tail: print transactions; doctor, top: machine-readable */
	bool metrics;    /* replay: print what /metrics would say */
	char *libraries; /* signatures: a glob; NULL: all */

	struct str_list warnings; /* settings that were ignored: sentences for the log */

	struct opt_origin *origins; /* private: where each value came from */
};

/*
 * Fills *o, whatever it held, for `command` ("run", "record", "replay", "doctor",
 * "top", "tail", "config") from argv (argv[0] is the command), environment, configuration file
 * and defaults. A flag that the command does not have is an error; a variable or
 * a file key that belongs to another command is checked and then ignored, so that
 * one file serves all commands. Keeps no state between calls: a reload parses the
 * same argv into a fresh structure.
 *
 * Returns 0; 1 after printing --help; -EINVAL (or -errno) and one exact sentence in
 * err, with file and line when the value came from a file. Unless it returns 0, *o
 * is left zeroed.
 */
int options__parse(struct options *o, const char *command, int argc, char **argv, char *err,
		   size_t err_size);

/* Whether this command line (or the file of --config) selects processes. A variable such as
 * REDEYE_PORT does not: in a container it is meant for the agent that runs there. */
bool options__selects(const struct options *o);
void options__free(struct options *o); /* accepts NULL and a zeroed structure; zeroes it */

/* `redeye config`: every option of the command as YAML that --config reads back, each
 * with a comment that says where its value came from. */
void options__print(const struct options *o, const char *command, FILE *to);

#endif /* RED_OPTIONS_H */
