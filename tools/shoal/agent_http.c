/* SPDX-License-Identifier: MIT */
/* The server, its routes and the requests that wait for the cluster; see agent_http.h.
 *
 * While a request waits (join, leave), evhttp neither reads nor writes on its connection, so the
 * request stays valid until it is answered or the server is freed. Everything runs on the tool's
 * loop; the cluster's own loop is another thread. */
#include "agent_http.h"

#include "agent_events.h"
#include "agent_forget.h"
#include "agent_keys.h"
#include "agent_members.h"
#include "agent_message.h"
#include "agent_meta.h"
#include "agent_metrics.h"
#include "agent_rtt.h"
#include "agent_why.h"
#include "document.h"
#include "http_answer.h"
#include "http_gate.h"
#include "text.h"

#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES_MAX ((ev_ssize_t)8 << 10)
#define BODY_BYTES_MAX   ((ev_ssize_t)256 << 10) /* 64 KiB of metadata, as bytes in JSON */
#define IDLE_SECONDS     10
#define JOIN_ADDRS_MAX   64
#define JOIN_TIMEOUT_MS  5000
#define TIMEOUT_MS_MAX   600000
#define STATUS_FORBIDDEN 403
#define ALL_METHODS      0xffff /* also those that evhttp does not know: they get a 405 in JSON */

struct join {
	struct join *next;
	struct cli_http *http;
	struct evhttp_request *request;
	json_t *body; /* holds the texts of the addresses */
};

/* One listening socket. */
struct door {
	struct cli_http *http;
	struct evhttp *server;
	struct cli_http_gate *gate;
	bool reads_only;
};

struct cli_http {
	struct shoal_cluster *cluster;
	struct door control, public;
	struct cli_events *events;
	uint64_t started_ms;
	struct join *joins; /* under way */
	struct cli_http_agent agent;
	struct evhttp_request *leavers[CLI_GATE_PLACES]; /* who waits for the end of a leave */
	size_t leaver_count;
	void (*drained)(void *); /* set by finish */
	void *drained_arg;
	unsigned unsent;
	bool reads_only; /* the door of the request that is served now */
};

static void
get_members(struct cli_http *http, struct evhttp_request *request)
{
	cli_agent_members(http->cluster, request);
}

static void
post_meta(struct cli_http *http, struct evhttp_request *request)
{
	cli_agent_meta(http->cluster, request);
}

static void
post_send(struct cli_http *http, struct evhttp_request *request)
{
	cli_agent_send(http->cluster, request);
}

static void
post_broadcast(struct cli_http *http, struct evhttp_request *request)
{
	cli_agent_broadcast(http->cluster, request);
}

static void
post_request(struct cli_http *http, struct evhttp_request *request)
{
	cli_agent_request(http->cluster, request);
}

static void
get_why(struct cli_http *http, struct evhttp_request *request)
{
	cli_agent_why(http->cluster, request);
}

static void
get_metrics(struct cli_http *http, struct evhttp_request *request)
{
	cli_agent_metrics(http->cluster, request, cli_text_boot_ms() - http->started_ms);
}

static void
get_info(struct cli_http *http, struct evhttp_request *request)
{
	cli_answer(request, HTTP_OK,
	        cli_document_info(http->cluster, cli_text_boot_ms() - http->started_ms,
	                cli_events_count(http->events)));
}

/* For a load balancer or an orchestrator, which look at the status only. */
static void
get_health(struct cli_http *http, struct evhttp_request *request)
{
	enum shoal_cluster_state state = shoal_cluster_state(http->cluster);
	bool well = state == SHOAL_CLUSTER_RUNNING;

	cli_answer(request, well ? HTTP_OK : HTTP_SERVUNAVAIL,
	        json_pack("{s:b, s:s, s:i}", "ok", well, "state", shoal_cluster_state_name(state),
	                "health", (int)shoal_cluster_health(http->cluster)));
}

static void
get_events(struct cli_http *http, struct evhttp_request *request)
{
	if (http->drained != NULL) {
		cli_refuse(request, SHOAL_ERR_STATE, "the agent has left and ends");
		return;
	}
	switch (cli_events_follow(http->events, request, http->reads_only)) {
	case 0:
		break;
	case SHOAL_ERR_INVALID:
		cli_refuse(request, SHOAL_ERR_INVALID,
		        "say events=no, messages=also or only, logs=error, warn, info or debug");
		break;
	case SHOAL_ERR_PERMISSION:
		cli_answer(request, STATUS_FORBIDDEN,
		        cli_document_error(SHOAL_ERR_PERMISSION,
		                "logs are for the control socket: ask there"));
		break;
	case SHOAL_ERR_LIMIT:
		cli_refuse(request, SHOAL_ERR_LIMIT, "too many follow the events already");
		break;
	default:
		cli_refuse(request, SHOAL_ERR_NOMEM, NULL);
		break;
	}
}

/* -1: it is there and no number from 1 to 10 minutes. */
static int
timeout_of(const json_t *body, unsigned fallback_ms, unsigned *timeout_ms)
{
	const json_t *value = json_object_get(body, "timeout_ms");
	json_int_t ms = json_integer_value(value);

	if (value != NULL && (!json_is_integer(value) || ms < 1 || ms > TIMEOUT_MS_MAX)) {
		return -1;
	}
	*timeout_ms = value == NULL ? fallback_ms : (unsigned)ms;
	return 0;
}

/* How many addresses the body names; 0: none, too many or something else. */
static size_t
addresses_of(const json_t *body, const char *addrs[JOIN_ADDRS_MAX])
{
	const json_t *list = json_object_get(body, "addresses");
	size_t n = json_array_size(list), i;

	if (n > JOIN_ADDRS_MAX) {
		return 0;
	}
	for (i = 0; i < n; i++) {
		addrs[i] = json_string_value(json_array_get(list, i));
		if (addrs[i] == NULL) {
			return 0;
		}
	}
	return n;
}

static void
free_join(struct join *join)
{
	json_decref(join->body);
	free(join);
}

static void
end_join(struct join *join)
{
	struct join **link;

	for (link = &join->http->joins; *link != join; link = &(*link)->next) {
		;
	}
	*link = join->next;
	free_join(join);
}

static void
on_joined(struct shoal_cluster *cluster, int code, const char *text, size_t reached, void *arg)
{
	struct join *join = arg;

	(void)cluster;
	if (code < 0) {
		cli_refuse(join->request, code, text);
	} else {
		cli_answer(
		        join->request, HTTP_OK, json_pack("{s:I}", "reached", (json_int_t)reached));
	}
	end_join(join);
}

/* Takes the body. */
static struct join *
make_join(struct cli_http *http, struct evhttp_request *request, json_t *body)
{
	struct join *join = calloc(1, sizeof(*join));

	if (join == NULL) {
		json_decref(body);
		return NULL;
	}
	join->http = http;
	join->request = request;
	join->body = body;
	join->next = http->joins;
	http->joins = join;
	return join;
}

static void
post_join(struct cli_http *http, struct evhttp_request *request)
{
	const char *addrs[JOIN_ADDRS_MAX];
	json_t *body = cli_body(request);
	size_t n = addresses_of(body, addrs);
	unsigned timeout_ms;
	struct join *join;
	int rc;

	if (body == NULL) {
		return;
	}
	if (n == 0 || timeout_of(body, JOIN_TIMEOUT_MS, &timeout_ms) < 0) {
		json_decref(body);
		cli_refuse(request, SHOAL_ERR_INVALID,
		        "say {\"addresses\": [1 to 64 texts], \"timeout_ms\": 1 to 600000}");
		return;
	}
	join = make_join(http, request, body);
	if (join == NULL) {
		cli_refuse(request, SHOAL_ERR_NOMEM, NULL);
		return;
	}
	rc = shoal_cluster_join_async(http->cluster, addrs, n, timeout_ms, on_joined, join);
	if (rc < 0) {
		cli_refuse(request, rc, shoal_last_error());
		end_join(join);
	}
}

static void
post_leave(struct cli_http *http, struct evhttp_request *request)
{
	json_t *body = cli_body(request);
	unsigned timeout_ms;
	int rc;

	if (body == NULL) {
		return;
	}
	if (timeout_of(body, 0, &timeout_ms) < 0) {
		json_decref(body);
		cli_refuse(request, SHOAL_ERR_INVALID, "say {\"timeout_ms\": 1 to 600000}");
		return;
	}
	json_decref(body);
	if (http->leaver_count == CLI_GATE_PLACES) {
		cli_refuse(request, SHOAL_ERR_LIMIT, "too many wait for the leave already");
		return;
	}
	http->leavers[http->leaver_count++] = request;
	rc = http->agent.leave(timeout_ms, http->agent.arg);
	if (rc < 0) {
		http->leaver_count--;
		cli_refuse(request, rc, shoal_last_error());
	}
}

static void
post_forget(struct cli_http *http, struct evhttp_request *request)
{
	cli_agent_forget(http->cluster, request);
}

static void
post_rtt(struct cli_http *http, struct evhttp_request *request)
{
	cli_agent_rtt(http->cluster, request);
}

static void
post_reload(struct cli_http *http, struct evhttp_request *request)
{
	char why[CLI_RELOAD_TEXT];
	json_t *report = http->agent.reload(why, http->agent.arg);

	if (report == NULL) {
		cli_refuse(request, SHOAL_ERR_INVALID, why);
	} else {
		cli_answer(request, HTTP_OK, report);
	}
}

static void
get_keys(struct cli_http *http, struct evhttp_request *request)
{
	cli_agent_keys(http->cluster, request);
}

static void
post_keys(struct cli_http *http, struct evhttp_request *request)
{
	cli_agent_keys_post(http->cluster, request);
}

/* One path may stand here once a method; what is allowed is the same then. */
static const struct route {
	const char *path;
	enum evhttp_cmd_type method;
	const char *allow;
	void (*serve)(struct cli_http *http, struct evhttp_request *request);
	const char *query; /* the names that may stand there; NULL: none */
} routes[] = {
        {"/v1/members", EVHTTP_REQ_GET, "GET, HEAD", get_members, "state tag where"},
        {"/v1/info", EVHTTP_REQ_GET, "GET, HEAD", get_info, NULL},
        {"/metrics", EVHTTP_REQ_GET, "GET, HEAD", get_metrics, NULL},
        {"/health", EVHTTP_REQ_GET, "GET, HEAD", get_health, NULL},
        {"/v1/why", EVHTTP_REQ_GET, "GET, HEAD", get_why, "member"},
        {"/v1/events", EVHTTP_REQ_GET, "GET", get_events, "events messages logs"},
        {"/v1/join", EVHTTP_REQ_POST, "POST", post_join, NULL},
        {"/v1/leave", EVHTTP_REQ_POST, "POST", post_leave, NULL},
        {"/v1/keys", EVHTTP_REQ_GET, "GET, HEAD, POST", get_keys, NULL},
        {"/v1/keys", EVHTTP_REQ_POST, "GET, HEAD, POST", post_keys, NULL},
        {"/v1/meta", EVHTTP_REQ_POST, "POST", post_meta, NULL},
        {"/v1/send", EVHTTP_REQ_POST, "POST", post_send, NULL},
        {"/v1/broadcast", EVHTTP_REQ_POST, "POST", post_broadcast, NULL},
        {"/v1/request", EVHTTP_REQ_POST, "POST", post_request, NULL},
        {"/v1/forget", EVHTTP_REQ_POST, "POST", post_forget, NULL},
        {"/v1/rtt", EVHTTP_REQ_POST, "POST", post_rtt, NULL},
        {"/v1/reload", EVHTTP_REQ_POST, "POST", post_reload, NULL},
};

static bool
is_served(const struct route *route, enum evhttp_cmd_type method)
{
	return method == route->method ||
	       (method == EVHTTP_REQ_HEAD && route->method == EVHTTP_REQ_GET &&
	               strstr(route->allow, "HEAD") != NULL);
}

static bool
is_word_of(const char *words, const char *word)
{
	size_t len = strlen(word);

	while (words != NULL && words[0] != '\0') {
		size_t n = strcspn(words, " ");

		if (n == len && memcmp(words, word, n) == 0) {
			return true;
		}
		words += n + strspn(words + n, " ");
	}
	return false;
}

/* What is asked for and not understood would be left out of the answer. false: the request was
 * answered. */
static bool
query_is_known(const struct route *route, struct evhttp_request *request)
{
	const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request));
	struct evkeyvalq pairs = {0};
	const struct evkeyval *pair = NULL;
	char why[256] = "the query is no list of NAME=VALUE with & between";
	bool known =
	        query == NULL || query[0] == '\0' || evhttp_parse_query_str(query, &pairs) == 0;

	if (known) {
		for (pair = pairs.tqh_first; pair != NULL; pair = pair->next.tqe_next) {
			if (!is_word_of(route->query, pair->key)) {
				break;
			}
		}
	}
	if (pair != NULL) {
		snprintf(why, sizeof(why), "%s takes no '%.40s' in its query, but %s", route->path,
		        pair->key, route->query == NULL ? "nothing" : route->query);
	}
	known = known && pair == NULL;
	evhttp_clear_headers(&pairs);
	if (!known) {
		cli_refuse(request, SHOAL_ERR_INVALID, why);
	}
	return known;
}

static void
on_request(struct evhttp_request *request, void *arg)
{
	const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
	const struct door *door = arg;
	const char *allow = NULL;
	json_t *error;
	size_t i;

	for (i = 0; path != NULL && i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (strcmp(path, routes[i].path) != 0) {
			continue;
		}
		if (door->reads_only && routes[i].method != EVHTTP_REQ_GET) {
			error = cli_document_error(SHOAL_ERR_PERMISSION,
			        "this address serves what changes nothing: ask the control socket");
			cli_answer(request, STATUS_FORBIDDEN, error);
			return;
		}
		if (is_served(&routes[i], evhttp_request_get_command(request))) {
			if (strncmp(path, "/v1/", 4) != 0 || query_is_known(&routes[i], request)) {
				door->http->reads_only = door->reads_only;
				routes[i].serve(door->http, request);
			}
			return;
		}
		allow = routes[i].allow;
	}
	if (allow != NULL) {
		evhttp_add_header(evhttp_request_get_output_headers(request), "Allow", allow);
		error = cli_document_error(SHOAL_ERR_UNSUPPORTED, "another method is needed here");
		cli_answer(request, HTTP_BADMETHOD, error);
		return;
	}
	error = cli_document_error(SHOAL_ERR_NOT_FOUND,
	        "no such path: there are /v1/members, /v1/info, /v1/why, /v1/events, /v1/join, "
	        "/v1/leave, /v1/keys, /v1/meta, /v1/send, /v1/broadcast, /v1/request, "
	        "/v1/forget, /v1/rtt, /v1/reload, /metrics, /health");
	cli_answer(request, HTTP_NOTFOUND, error);
}

static int
open_door(struct door *door, struct cli_http *http, struct event_base *base, int fd)
{
	struct evconnlistener *listener;

	door->http = http;
	door->server = evhttp_new(base);
	listener = evconnlistener_new(base, NULL, NULL, LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (door->server == NULL || listener == NULL ||
	        evhttp_bind_listener(door->server, listener) == NULL) {
		if (listener != NULL) {
			evconnlistener_free(listener);
		}
		return SHOAL_ERR_NOMEM;
	}
	door->gate = cli_http_gate_new(base, door->server, listener);
	if (door->gate == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	evhttp_set_max_headers_size(door->server, HEADER_BYTES_MAX);
	evhttp_set_max_body_size(door->server, BODY_BYTES_MAX);
	evhttp_set_allowed_methods(door->server, ALL_METHODS);
	evhttp_set_timeout(door->server, IDLE_SECONDS);
	evhttp_set_gencb(door->server, on_request, door);
	return 0;
}

struct cli_http *
cli_http_new(struct event_base *base, struct shoal_cluster *cluster, int fd, int public_fd,
        const struct cli_http_agent *agent)
{
	struct cli_http *http = calloc(1, sizeof(*http));

	if (http == NULL) {
		return NULL;
	}
	http->cluster = cluster;
	http->started_ms = cli_text_boot_ms();
	http->agent = *agent;
	http->public.reads_only = true;
	/* The subscription last: it cannot be taken back once the cluster may be gone. */
	if (open_door(&http->control, http, base, fd) < 0 ||
	        (public_fd >= 0 && open_door(&http->public, http, base, public_fd) < 0) ||
	        cli_events_new(&http->events, cluster) < 0 ||
	        shoal_handle(cluster, SHOAL_TYPE_ANY, cli_events_message, http->events) < 0) {
		cli_http_free(http);
		return NULL;
	}
	return http;
}

static void
on_sent(struct evhttp_request *request, void *arg)
{
	struct cli_http *http = arg;

	(void)request;
	if (--http->unsent == 0) {
		http->drained(http->drained_arg);
	}
}

void
cli_http_finish(
        struct cli_http *http, int code, const char *text, void (*drained)(void *), void *arg)
{
	size_t i;

	http->drained = drained;
	http->drained_arg = arg;
	http->unsent = 1; /* this call itself */
	for (i = 0; i < http->leaver_count; i++) {
		http->unsent++;
		evhttp_request_set_on_complete_cb(http->leavers[i], on_sent, http);
		if (code == 0 || code == SHOAL_ERR_TIMEOUT) {
			cli_answer(http->leavers[i], HTTP_OK,
			        json_pack("{s:b, s:b, s:b}", "left", 1, "confirmed", code == 0,
			                "lent", http->agent.lent));
		} else {
			cli_refuse(http->leavers[i], code, text);
		}
	}
	http->leaver_count = 0;
	http->unsent += cli_events_count(http->events);
	cli_events_end(http->events, on_sent, http);
	on_sent(NULL, http);
}

void
cli_http_reloading(struct cli_http *http, bool begins)
{
	cli_events_hold_level(http->events, begins);
}

static void
close_door(struct door *door)
{
	if (door->server != NULL) {
		evhttp_free(door->server);
	}
	cli_http_gate_free(door->gate);
}

void
cli_http_free(struct cli_http *http)
{
	struct join *join;

	if (http == NULL) {
		return;
	}
	close_door(&http->control);
	close_door(&http->public);
	cli_events_free(http->events);
	while ((join = http->joins) != NULL) {
		http->joins = join->next;
		free_join(join);
	}
	free(http);
}
