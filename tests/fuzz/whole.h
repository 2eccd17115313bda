/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Everything behind the ring as one translation unit, because a fuzzer includes the code
 * under test. Names that two files use for different things are kept apart here. */
#ifndef RED_FUZZ_WHOLE_H
#define RED_FUZZ_WHOLE_H

#include <sys/socket.h> /* before its accept() is hidden */

#include "pipeline.h"

#include "../../agent/agg.c"
#include "../../agent/agg_names.c"
#define find      agg_series_find
#define make_room agg_series_make_room
#include "../../agent/agg_series.c"
#undef find
#undef make_room
#include "../../agent/agg_snapshot.c"
#define classify conn_classify
#include "../../agent/conn.c"
#undef classify
#include "../../agent/hist.c"
#include "../../agent/http1.c"
#define step http1_chunk_step
#include "../../agent/http1_chunk.c"
#undef step
#include "../../agent/http1_end.c"
#include "../../agent/http1_head.c"
#include "../../agent/http1_message.c"
#include "../../agent/http1_queue.c"
#include "../../agent/http1_target.c"
#define put  http1_txn_put
#define take http1_txn_take
#include "../../agent/http1_txn.c"
#undef put
#undef take
#include "../../agent/loop.c"
#include "../../agent/metrics.c"
#define service_of pipeline_service_of
#include "../../agent/pipeline.c"
#undef service_of
#include "../../agent/procfs.c"
#include "../../agent/procname.c"
#include "../../agent/procname_program.c"
#include "../../agent/procs.c"
#define accept procs_accept
#include "../../agent/procs_evaluate.c"
#undef accept
#include "../../agent/procs_names.c"
#include "../../agent/procs_scan.c"
#include "../../agent/procs_table.c"
#include "../../agent/proto.c"
#include "../../agent/recording.c"
#include "../../agent/resource.c"
#define step route_step
#include "../../agent/route.c"
#undef step
#include "../../agent/route_segment.c"
#define kind_of route_set_kind_of
#include "../../agent/route_set.c"
#undef kind_of
#include "../../agent/route_trie.c"
#include "../../agent/select.c"
#define node service_node
#include "../../agent/service.c"
#undef node

#endif /* RED_FUZZ_WHOLE_H */
