/* SPDX-License-Identifier: MIT */
/* Counters and histograms in Prometheus' text format. */
#ifndef SHOAL_CLI_AGENT_METRICS_H
#define SHOAL_CLI_AGENT_METRICS_H

#include <event2/http.h>
#include <shoal/shoal.h>

/* Answers GET /metrics. The names are those of the tables in shoal/metrics.h, their number does not
 * depend on the members. */
void cli_agent_metrics(
        struct shoal_cluster *cluster, struct evhttp_request *request, uint64_t uptime_ms);

#endif
