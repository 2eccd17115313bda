# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""redeye itself, and the hosts that it runs on."""

from model import dashboard, now, query, series, source, stat, table, variable

OURS = '{instance=~"$agent"}'
NODE = 'instance=~"$node"'


def rate(metric, by, more=""):
    return "sum by (instance, %s) (rate(%s{instance=~\"$agent\"%s}[$__rate_interval]))" % (
        by, metric, more)


def one_rate(metric):
    return "rate(%s%s[$__rate_interval])" % (metric, OURS)


HEALTH = [
    stat("Agents up", "Agents that Prometheus can scrape.", "none",
         now('sum(up{job=~"(.+/)?redeye",instance=~"$agent"})')),
    stat("Processes", "Processes that are watched.", "none",
         now("sum(redeye_processes_selected%s)" % OURS)),
    stat("Connections", "Connections that are followed.", "none",
         now("sum(redeye_connections_open%s)" % OURS)),
    stat("Events lost", "In the last 10 minutes. Each is one too many.", "none",
         now("sum(instance:redeye_events_lost:increase10m%s) or vector(0)" % OURS), [(1, "red")]),
    stat("Requests lost", "Requests that were given up in the last 10 minutes.", "none",
         now("sum(instance:redeye_requests_lost:increase10m%s) or vector(0)" % OURS),
         [(1, "red")]),
    stat("Collectors away", "Destinations that do not take what they are sent.", "none",
         now("sum(redeye_export_away%s)" % OURS), [(1, "red")]),
    table("Versions", "Each agent, its version and the hooks that it uses.", [
        ("Agents", "none", "sum by (instance, version, backend) (redeye_build_info%s)" % OURS)],
        width=8, height=7),
    series("CPU", "Processors that redeye itself uses, without its programs in the kernel.", "none",
           query(rate("redeye_cpu_time_seconds_total", "cpu_mode"), "{{instance}} {{cpu_mode}}"),
           height=7),
    series("Memory", "What redeye uses, and its limit.", "bytes",
           query("redeye_memory_usage_bytes" + OURS, "{{instance}}"),
           query("redeye_memory_limit_bytes" + OURS, "{{instance}} limit"), height=7),
]

EVENTS = [
    series("Events", "Events of watched processes, by hook.", "cps",
           query(rate("redeye_events_observed_total", "hook"), "{{instance}} {{hook}}")),
    series("Events left out", "Not written to the ring, by reason. No loss are not_wanted, "
           "not_stream, peek and ciphertext. All others are.", "cps",
           query(rate("redeye_events_dropped_total", "reason"), "{{instance}} {{reason}}")),
    series("Ring", "What of the ring buffer is used. When it is full events are lost.",
           "percentunit", query("redeye_ring_used_bytes%s / redeye_ring_size_bytes" % OURS,
                                "{{instance}}"), max=1),
    series("Requests", "Requests and calls that were seen, by protocol.", "reqps",
           query(rate("redeye_requests_observed_total", "protocol"), "{{instance}} {{protocol}}")),
    series("Requests lost", "Requests that were given up, by reason.", "reqps",
           query(rate("redeye_requests_dropped_total", "reason"), "{{instance}} {{reason}}")),
    series("Irregular messages", "Messages that were not as they should be, by reason.", "cps",
           query(rate("redeye_messages_irregular_total", "reason"), "{{instance}} {{reason}}")),
    series("Bytes not seen", "Calls that moved bytes that had to be read and could not "
           "(sendfile, io_uring).", "cps",
           query(rate("redeye_events_without_payload_total", "reason"), "{{instance}} {{reason}}")),
    series("TLS connections", "Connections that speak TLS; those whose plaintext is seen, and "
           "those whose is not.", "cps",
           query(one_rate("redeye_tls_connections_total"), "{{instance}}"),
           query(one_rate("redeye_tls_connections_joined_total"), "{{instance}} seen"),
           query(one_rate("redeye_tls_connections_unseen_total"), "{{instance}} not seen")),
    series("Probes", "Probes on TLS libraries, and how many there may be.", "none",
           query("redeye_uprobe_links" + OURS, "{{instance}}"),
           query("redeye_uprobe_links_max" + OURS, "{{instance}} limit")),
    series("Parents of requests", "How the cause of a request was found, or not (none).", "reqps",
           query(rate("redeye_trace_parents_total", "evidence"), "{{instance}} {{evidence}}")),
]

TABLES = [
    series("Connection table", "What of the kernel side's table is used. Over 80 % old connections "
           "are given up for new ones.", "percentunit",
           query('redeye_bpf_map_entries{map="conns",instance=~"$agent"} / '
                 "redeye_bpf_map_max_entries", "{{instance}}"), max=1),
    series("Connections given up", "To make place for new ones.", "cps",
           query(one_rate("redeye_connections_evicted_total"), "{{instance}}")),
    series("Series", "Series that are kept, of all services.", "none",
           query("redeye_series" + OURS, "{{instance}}")),
    series("Overflow", "Requests that were counted in otel_metric_overflow: their labels were too "
           "many.", "reqps", query(one_rate("redeye_series_overflowed_total"), "{{instance}}")),
    series("Routes and methods", "Route templates that were learned, and RPC methods.", "none",
           query("redeye_routes_learned" + OURS, "{{instance}} routes"),
           query("redeye_rpc_methods" + OURS, "{{instance}} methods")),
    series("Memory limit reached", "How often something new was not kept for want of memory.",
           "cps", query(one_rate("redeye_memory_limit_reached_total"), "{{instance}}")),
]

EXPORT = [
    series("Exported", "Spans, metric points and log records that were delivered, by signal.",
           "cps", query(rate("redeye_export_delivered_total", "signal"),
                        "{{instance}} {{signal}}")),
    series("Export lost", "What will not be delivered, by reason.", "cps",
           query(rate("redeye_export_dropped_total", "signal, reason"),
                 "{{instance}} {{signal}} {{reason}}")),
    series("Waiting", "What is still to be delivered, by place.", "none",
           query("sum by (instance, place) (redeye_export_waiting%s)" % OURS,
                 "{{instance}} {{place}}")),
    series("Requests to collectors", "By what came of them.", "reqps",
           query(rate("redeye_export_requests_total", "result"), "{{instance}} {{result}}")),
    series("Spans", "Spans, by whether their trace is kept, and why.", "cps",
           query(rate("redeye_trace_spans_total", "decision, reason"),
                 "{{instance}} {{decision}} {{reason}}")),
    series("Access log", "Lines that were written, and those that were left out.", "cps",
           query(one_rate("redeye_access_log_lines_total"), "{{instance}}"),
           query(rate("redeye_access_log_dropped_total", "reason"),
                 "{{instance}} lost: {{reason}}")),
]


def node_rate(metric, by, more=""):
    return "sum by (%s) (rate(%s{%s%s}[$__rate_interval]))" % (by, metric, NODE, more)


# Of node_exporter, where Prometheus has it.
HOST = [
    series("CPU (node_exporter)", "What of the processors is used, by mode.", "percentunit",
           query('sum by (instance, mode) (rate(node_cpu_seconds_total{%s,mode!="idle"}'
                 "[$__rate_interval])) / on (instance) group_left () count by (instance) "
                 '(node_cpu_seconds_total{mode="idle"})' % NODE, "{{instance}} {{mode}}"),
           stack=True),
    series("Memory (node_exporter)", "What of the memory is used.", "percentunit",
           query("1 - node_memory_MemAvailable_bytes{%s} / node_memory_MemTotal_bytes" % NODE,
                 "{{instance}}"), max=1),
    series("Load (node_exporter)", "Processes that run or wait to, over 1 minute.", "none",
           query("node_load1{%s}" % NODE, "{{instance}}")),
    series("Disk, bytes (node_exporter)", "Read from disks and written to them.", "Bps",
           query(node_rate("node_disk_read_bytes_total", "instance"), "{{instance}} read"),
           query(node_rate("node_disk_written_bytes_total", "instance"), "{{instance}} written")),
    series("Disk, space (node_exporter)", "What of each file system is used.", "percentunit",
           query('1 - node_filesystem_avail_bytes{%s,fstype!~"tmpfs|overlay|squashfs|ramfs"} / '
                 "node_filesystem_size_bytes" % NODE, "{{instance}} {{mountpoint}}"), max=1),
    series("Network (node_exporter)", "Received and sent, without the loopback interface.", "Bps",
           query(node_rate("node_network_receive_bytes_total", "instance", ',device!="lo"'),
                 "{{instance}} received"),
           query(node_rate("node_network_transmit_bytes_total", "instance", ',device!="lo"'),
                 "{{instance}} sent")),
]

DASHBOARD = dashboard(
    "redeye-agent", "redeye: agents and hosts",
    "What redeye sees, loses and costs; CPU, memory, disk and network of its hosts.",
    [source("datasource", "prometheus", "Metrics"),
     variable("agent", "Agent", "redeye_build_info", "instance", every=".*"),
     variable("node", "Host", "node_uname_info", "instance", every=".*")],
    [("Health", HEALTH), ("Events and requests", EVENTS), ("Tables and limits", TABLES),
     ("Export", EXPORT), ("Host (node_exporter)", HOST)])
