/* SPDX-License-Identifier: MIT */
/* One connection to a peer: dials, asks for one job at a time, hears the answer.
 *
 * What a status means for the host: 204, and 200 with a body of our type, that it went well; 413
 * that it is too long; 429, and 503 where it says for how long, that there is no room; after both
 * the peer is left alone for as long as it says (RFC 9110, 10.2.3), a minute at most; 408 and 504
 * that there was no answer in time; anything else that nobody of this cluster is there. Redirects
 * are not followed: who is asked gets the token. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "transports/dialer.h"
#include "transports/http.h"

#define HEAD_ROOM   4096
#define WHY_LEN     160
#define REST_MOST_S 60
#define REST_BUSY_S 1

struct shoal_http_link *
shoal_http_client_dial(struct shoal_http_peer *peer, int *code)
{
	struct shoal_http *http = peer->http;
	struct shoal_addr to = peer->found[peer->next % peer->found_count];

	/* Never in clear what was to be said by TLS. */
	if (peer->url.tls && shoal_http_need_tls(http) != 0) {
		shoal_http_peer_say(peer, http->no_tls);
		*code = SHOAL_ERR_UNREACHABLE;
		return NULL;
	}
	if (!shoal_crowd_dial(&http->crowd)) {
		*code = SHOAL_ERR_LIMIT;
		return NULL;
	}
	to.port = peer->url.port;
	int fd = shoal_dialer_dial(&http->env.dialer, &to, NULL);
	if (fd == SHOAL_ERR_LIMIT && shoal_crowd_evict(&http->crowd)) {
		fd = shoal_dialer_dial(&http->env.dialer, &to, NULL);
	}
	if (fd < 0) {
		*code = fd;
		return NULL;
	}
	shoal_socket_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	struct shoal_http_link *link =
	        shoal_http_link_new(http, fd, peer, NULL, peer->url.tls ? http->tls : NULL);
	*code = SHOAL_ERR_NOMEM;
	if (link == NULL) {
		return NULL;
	}
	link->connecting = true;
	link->watches = true;
	if (!link->doomed && event_add(&link->writable, NULL) != 0) {
		shoal_http_link_doom(link, SHOAL_ERR_NOMEM);
	}
	return link->doomed ? NULL : link;
}

/* It waits for something to do. A bit shorter than the other end does, so that it is this one that
 * closes. */
static void
rest(struct shoal_http_link *link)
{
	shoal_http_link_arm(link, link->http->idle_ns - link->http->idle_ns / 8);
	if (!link->doomed) {
		shoal_http_limits_place(link, SHOAL_HTTP_IDLE);
	}
}

void
shoal_http_client_ready(struct shoal_http_link *link)
{
	struct shoal_http_peer *peer = link->peer;

	shoal_http_count(link->http, SHOAL_COUNTER_CONNECTIONS_OUT);
	shoal_http_peer_reached(peer);
	rest(link);
	shoal_http_peer_tend(peer);
}

void
shoal_http_client_ask(struct shoal_http_link *link, struct shoal_http_job *job)
{
	const struct shoal_http *http = link->http;
	const struct shoal_url *url = &link->peer->url;
	char path[SHOAL_HTTP_PATH_MAX + 1], head[HEAD_ROOM];
	uint16_t port = url->port == (url->tls ? 443 : 80) ? 0 : url->port;

	snprintf(path, sizeof(path), "%s%s", url->path, shoal_http_word[job->kind]);
	size_t len = shoal_http_write_post(
	        head, sizeof(head), url->host, port, path, http->self, http->token, job->len);
	shoal_http_limits_place(link, SHOAL_HTTP_BUSY);
	link->job = job;
	link->wrote = false;
	job->link = link;
	if (len == 0 || evbuffer_add(link->out, head, len) != 0 ||
	        evbuffer_add(link->out, job->body, job->len) != 0) {
		shoal_http_link_doom(link, SHOAL_ERR_NOMEM);
		return;
	}
	shoal_http_link_arm(link, http->patience_ns);
	shoal_http_link_write(link);
}

static int
code_of(const struct shoal_http_input *input, enum shoal_http_kind kind)
{
	switch (input->status) {
	case 200:
		return input->head.typed && !input->head.encoded ? 0 : SHOAL_ERR_UNREACHABLE;
	case 204:
		return kind != SHOAL_HTTP_REQUEST ? 0 : SHOAL_ERR_UNREACHABLE; /* it has a reply */
	case 413:
		return SHOAL_ERR_TOO_BIG;
	case 503: /* a member says for how long; what stands before one that is down does not */
		return input->retry_after_s > 0 || input->retry_at > 0 ? SHOAL_ERR_LIMIT
		                                                       : SHOAL_ERR_UNREACHABLE;
	case 429:
		return SHOAL_ERR_LIMIT;
	case 408:
	case 504:
		return SHOAL_ERR_TIMEOUT;
	default:
		return SHOAL_ERR_UNREACHABLE;
	}
}

/* What to do about a status that tells of a mistake of somebody's. */
static const char *
advice_on(unsigned status)
{
	switch (status) {
	case 200:
	case 204:
	case 405:
	case 415:
		return "something else than a member answers there";
	case 301:
	case 302:
	case 303:
	case 307:
	case 308:
		return "it points elsewhere, which is not followed: advertise the URL that it points "
		       "to";
	case 400:
		return "it did not understand; does a proxy between change headers?";
	case 401:
		return "it wants another token";
	case 403:
		return "it takes nothing of this cluster: another label or key?";
	case 404:
		return "no member is at this path: compare the URL that it advertises with what "
		       "stands before it";
	case 411:
		return "something between sends it on in chunks (nginx: proxy_request_buffering "
		       "on)";
	case 413:
		return "too long for it, or for what stands before it (nginx: client_max_body_size)";
	case 414:
	case 431:
		return "the head is too long for what stands before it";
	case 429:
		return "too much was refused to this host";
	case 502:
		return "what stands before the member does not reach it";
	case 503:
		return "it has no room, or what stands before it does not reach it";
	case 504:
		return "what stands before the member got no answer in time";
	default:
		return "an answer that no member gives";
	}
}

/* What a status of failure means, in English, for the log and the host. */
static void
complain(struct shoal_http_peer *peer, unsigned status, char *why, size_t len)
{
	snprintf(why, len, "status %u: %s", status, advice_on(status));
	shoal_http_peer_say(peer, why);
}

/* It stays away for as long as it is told to, within bounds. */
static void
stay_away(struct shoal_http_peer *peer, const struct shoal_http_input *input)
{
	time_t wall = time(NULL);
	uint64_t said = shoal_http_retry_s(input, wall > 0 ? (uint64_t)wall : 0);

	said = said > 0 ? said : REST_BUSY_S;
	shoal_http_peer_rest(peer, SHOAL_SEC(said < REST_MOST_S ? said : REST_MOST_S));
}

/* Whether an answer to a job that nobody asked for came before it: a server ends a connection that
 * it found idle so (RFC 9110, 15.5.9). */
static bool
crossed(struct shoal_http_link *link)
{
	if (link->input.status != 408 || !link->used) {
		return false;
	}
	link->input.begun = false;
	shoal_http_link_doom(link, SHOAL_ERR_CLOSED);
	return true;
}

void
shoal_http_client_heard(struct shoal_http_link *link, unsigned status, bool more)
{
	struct shoal_http *http = link->http;
	struct shoal_http_peer *peer = link->peer;
	struct shoal_http_job *job = link->job;
	struct shoal_http_input *input = &link->input;

	if (status != 0 || job == NULL) {
		/* No HTTP, too long, no room, or an answer to nothing. */
		shoal_http_link_doom(link, status == 413   ? SHOAL_ERR_TOO_BIG
		                           : status == 503 ? SHOAL_ERR_LIMIT
		                                           : SHOAL_ERR_CLOSED);
		return;
	}
	if (crossed(link)) {
		return;
	}
	char why[WHY_LEN] = "";
	int code = code_of(input, job->kind);
	if (code != 0) {
		complain(peer, input->status, why, sizeof(why));
	}
	if (input->status == 429 || input->status == 503) {
		stay_away(peer, input);
	}
	link->job = NULL;
	job->link = NULL;
	link->used = true;
	/* What the host asks for inside the call does not go by this one: it may be over. */
	bool over = more || link->last || !input->keep_alive || evbuffer_get_length(link->out) > 0;
	http->delivers = link;
	enum shoal_transport_verdict verdict =
	        code == 0 ? shoal_http_job_end(job, 0, input->body, input->len)
	                  : shoal_http_job_end(job, code, (const uint8_t *)why, strlen(why));
	http->delivers = NULL;
	if (link->doomed) {
		return;
	}
	shoal_http_input_reset(input);
	if (over || verdict == SHOAL_TRANSPORT_REFUSED) {
		shoal_http_link_doom(link, SHOAL_ERR_CLOSED);
		return;
	}
	rest(link);
	shoal_http_peer_tend(peer);
}
