/* SPDX-License-Identifier: MIT */
/* Prometheus' text format 0.0.4. Base units: seconds, bytes, ratios; written from the library's
 * integers without a float, so that a bound is always the same text. */
#include "agent_metrics.h"

#include "http_answer.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <stdio.h>

#define NUMBER_TEXT 40

/* value / unit as a decimal without zeros at its end. */
static const char *
number_of(uint64_t value, enum shoal_unit unit, char text[NUMBER_TEXT])
{
	unsigned digits = unit == SHOAL_UNIT_SECONDS ? 6 : unit == SHOAL_UNIT_RATIO ? 3 : 0;
	uint64_t one = unit == SHOAL_UNIT_SECONDS ? 1000000 : unit == SHOAL_UNIT_RATIO ? 1000 : 1;
	uint64_t part = value % one;

	while (digits > 0 && part % 10 == 0) {
		part /= 10;
		digits--;
	}
	if (digits == 0) {
		snprintf(text, NUMBER_TEXT, "%" PRIu64, value / one);
	} else {
		snprintf(text, NUMBER_TEXT, "%" PRIu64 ".%0*" PRIu64, value / one, (int)digits,
		        part);
	}
	return text;
}

static int
head(struct evbuffer *body, const char *name, const char *suffix, const char *text,
        const char *type)
{
	return evbuffer_add_printf(body, "# HELP shoal_%s%s %s\n# TYPE shoal_%s%s %s\n", name,
	               suffix, text, name, suffix, type) < 0
	               ? -1
	               : 0;
}

static int
add_counters(struct evbuffer *body, struct shoal_cluster *cluster)
{
	struct shoal_counters counters;
	size_t i;

	shoal_cluster_counters(cluster, &counters);
	for (i = 0; i < SHOAL_COUNTERS; i++) {
		const char *name = shoal_counter_name((enum shoal_counter)i);

		if (head(body, name, "_total", shoal_counter_help((enum shoal_counter)i),
		            "counter") < 0 ||
		        evbuffer_add_printf(body, "shoal_%s_total %" PRIu64 "\n", name,
		                counters.value[i]) < 0) {
			return -1;
		}
	}
	return 0;
}

static int
add_buckets(struct evbuffer *body, enum shoal_histogram_kind kind, const char *suffix,
        const struct shoal_histogram *histogram)
{
	enum shoal_unit unit = shoal_histogram_unit(kind);
	const char *name = shoal_histogram_name(kind);
	uint64_t bound, up_to = 0;
	char text[NUMBER_TEXT];
	unsigned i;

	for (i = 0; (bound = shoal_histogram_bound(kind, i)) != 0; i++) {
		up_to += histogram->bucket[i];
		if (evbuffer_add_printf(body, "shoal_%s%s_bucket{le=\"%s\"} %" PRIu64 "\n", name,
		            suffix, number_of(bound, unit, text), up_to) < 0) {
			return -1;
		}
	}
	return evbuffer_add_printf(body,
	               "shoal_%s%s_bucket{le=\"+Inf\"} %" PRIu64 "\nshoal_%s%s_sum %s\n"
	               "shoal_%s%s_count %" PRIu64 "\n",
	               name, suffix, histogram->count, name, suffix,
	               number_of(histogram->sum, unit, text), name, suffix, histogram->count) < 0
	               ? -1
	               : 0;
}

static int
add_histograms(struct evbuffer *body, struct shoal_cluster *cluster)
{
	static const char *const suffixes[] = {[SHOAL_UNIT_SECONDS] = "_seconds",
	        [SHOAL_UNIT_BYTES] = "", /* the names end in it */
	        [SHOAL_UNIT_RATIO] = "_ratio"};
	struct shoal_histograms histograms;
	size_t i;

	shoal_cluster_histograms(cluster, &histograms);
	for (i = 0; i < SHOAL_HISTOGRAMS; i++) {
		enum shoal_histogram_kind kind = (enum shoal_histogram_kind)i;
		const char *suffix = suffixes[shoal_histogram_unit(kind)];

		if (head(body, shoal_histogram_name(kind), suffix, shoal_histogram_help(kind),
		            "histogram") < 0 ||
		        add_buckets(body, kind, suffix, &histograms.item[i]) < 0) {
			return -1;
		}
	}
	return 0;
}

static int
add_seconds(struct evbuffer *body, const char *name, const char *text, uint64_t us)
{
	char number[NUMBER_TEXT];

	if (head(body, name, "_seconds", text, "gauge") < 0) {
		return -1;
	}
	return evbuffer_add_printf(
	        body, "shoal_%s_seconds %s\n", name, number_of(us, SHOAL_UNIT_SECONDS, number));
}

static int
add_bytes(struct evbuffer *body, const char *name, const char *text, uint64_t bytes)
{
	if (head(body, name, "_bytes", text, "gauge") < 0) {
		return -1;
	}
	return evbuffer_add_printf(body, "shoal_%s_bytes %llu\n", name, (unsigned long long)bytes);
}

static int
add_metadata(struct evbuffer *body, struct shoal_cluster *cluster)
{
	uint64_t most, held = shoal_cluster_meta_held(cluster, &most);

	return add_bytes(body, "metadata",
	               "metadata of all other members that is held, each counted with 64 more",
	               held) < 0 ||
	                       add_bytes(body, "metadata_max", "its bound, meta_bytes", most) < 0
	               ? -1
	               : 0;
}

/* No number where there is none. */
static int
add_certificate(struct evbuffer *body, struct shoal_cluster *cluster)
{
	int days;

	if (shoal_cluster_certificate_days(cluster, &days) != 0) {
		return 0; /* it has none: no metric */
	}
	if (head(body, "certificate_days", "",
	            "until this member's certificate ends, below 0: it has", "gauge") < 0) {
		return -1;
	}
	return evbuffer_add_printf(body, "shoal_certificate_days %d\n", days) < 0 ? -1 : 0;
}

static int
add_reach(struct evbuffer *body, struct shoal_cluster *cluster)
{
	unsigned reach = shoal_cluster_access(cluster, NULL);

	return head(body, "unreached", "", "1: peers cannot reach this member in that way",
	               "gauge") < 0 ||
	                       evbuffer_add_printf(body,
	                               "shoal_unreached{by=\"datagram\"} %u\n"
	                               "shoal_unreached{by=\"stream\"} %u\n",
	                               reach & 1u, reach >> 1 & 1u) < 0
	               ? -1
	               : 0;
}

static int
add_gauges(struct evbuffer *body, struct shoal_cluster *cluster, uint64_t uptime_ms)
{
	struct shoal_member_list *list = shoal_members(cluster, NULL);
	size_t counts[SHOAL_STATES] = {0}, i;
	int rc;

	if (list == NULL) {
		return -1;
	}
	for (i = 0; i < shoal_member_list_count(list); i++) {
		counts[shoal_member_state(shoal_member_list_at(list, i))]++;
	}
	shoal_member_list_free(list);
	rc = head(body, "members", "", "members by state, as this one sees them", "gauge");
	for (i = 0; rc == 0 && i < SHOAL_STATES; i++) {
		rc = evbuffer_add_printf(body, "shoal_members{state=\"%s\"} %zu\n",
		             shoal_state_name((enum shoal_state)i), counts[i]) < 0
		             ? -1
		             : 0;
	}
	if (rc < 0 ||
	        head(body, "health", "", "0 good: how much it distrusts its own failure detection",
	                "gauge") < 0 ||
	        evbuffer_add_printf(body, "shoal_health %u\n", shoal_cluster_health(cluster)) < 0 ||
	        add_seconds(body, "convergence_lag",
	                "since when another member's table is known to differ, 0: none is",
	                shoal_cluster_convergence_lag(cluster) / SHOAL_US(1)) < 0 ||
	        add_reach(body, cluster) < 0 || add_metadata(body, cluster) < 0 ||
	        add_certificate(body, cluster) < 0) {
		return -1;
	}
	return add_seconds(body, "uptime", "since the agent started", uptime_ms * 1000);
}

void
cli_agent_metrics(struct shoal_cluster *cluster, struct evhttp_request *request, uint64_t uptime_ms)
{
	struct evbuffer *body = evbuffer_new();

	if (body == NULL || add_gauges(body, cluster, uptime_ms) < 0 ||
	        add_counters(body, cluster) < 0 || add_histograms(body, cluster) < 0) {
		if (body != NULL) {
			evbuffer_free(body);
		}
		cli_refuse(request, SHOAL_ERR_NOMEM, NULL);
		return;
	}
	cli_answer_typed(request, HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", body);
}
