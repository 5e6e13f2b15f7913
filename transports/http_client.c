/* SPDX-License-Identifier: MIT */
/* One connection to a peer: dials, asks for one job at a time, hears the answer.
 *
 * What a status means for the host: 200 and 204 that it went well; 413 that it is too long; 429 and
 * 503 that there is no room, and that the peer is left alone for as long as it says (RFC 9110,
 * 10.2.3); 504 that somebody between had no answer in time; anything else that nobody of this
 * cluster is there. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "transports/http.h"

#define HEAD_ROOM   4096
#define REST_MOST_S 60
#define REST_BUSY_S 1

struct shoal_http_link *
shoal_http_client_dial(struct shoal_http_peer *peer, int *code)
{
	struct shoal_http *http = peer->http;
	union shoal_sockaddr name;
	struct shoal_addr to = peer->found[peer->next % peer->found_count];

	if (http->outbound_count >= http->env.connections_max) {
		*code = SHOAL_ERR_LIMIT;
		return NULL;
	}
	to.port = peer->url.port;
	int fd = shoal_socket_open(&to, SOCK_STREAM);
	if (fd < 0) {
		*code = shoal_socket_code(errno);
		return NULL;
	}
	shoal_socket_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	socklen_t len = shoal_socket_from_addr(&name, &to);
	if (connect(fd, &name.any, len) != 0 && errno != EINPROGRESS) {
		*code = shoal_socket_code(errno);
		close(fd);
		return NULL;
	}
	struct shoal_http_link *link =
	        shoal_http_link_new(http, fd, peer, peer->url.tls ? http->tls : NULL);
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

void
shoal_http_client_ready(struct shoal_http_link *link)
{
	shoal_http_peer_reached(link->peer);
	if (link->job == NULL) {
		shoal_http_link_arm(link, link->http->idle_ns);
		shoal_http_peer_tend(link->peer);
	}
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
	link->job = job;
	job->link = link;
	if (len == 0 || evbuffer_add(link->out, head, len) != 0 ||
	        evbuffer_add(link->out, job->body, job->len) != 0) {
		shoal_http_link_doom(link, SHOAL_ERR_NOMEM);
		return;
	}
	shoal_http_link_arm(link, http->patience_ns);
	if (link->channel.up && !link->connecting) {
		shoal_http_link_write(link);
	}
}

static int
code_of(unsigned status)
{
	switch (status) {
	case 200:
	case 204:
		return 0;
	case 413:
		return SHOAL_ERR_TOO_BIG;
	case 429:
	case 503:
		return SHOAL_ERR_LIMIT;
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
	case 401:
		return "401: it wants another token (http_token)";
	case 403:
		return "403: it takes nothing of this cluster: another label or key?";
	case 404:
		return "404: no member is at this path: compare the URL that it advertises with what "
		       "stands before it";
	case 405:
	case 415:
		return "405 or 415: something else than a member answers there";
	case 400:
		return "400: it did not understand; is a proxy between that changes headers?";
	case 502:
		return "502: what stands before the member does not reach it";
	default:
		return NULL;
	}
}

static void
complain(struct shoal_http_link *link, unsigned status)
{
	char text[96];
	const char *advice = advice_on(status);

	snprintf(text, sizeof(text), "status %u", status);
	shoal_http_peer_failed(link->peer, 0, advice != NULL ? advice : text);
}

void
shoal_http_client_heard(struct shoal_http_link *link, unsigned status)
{
	struct shoal_http *http = link->http;
	struct shoal_http_job *job = link->job;
	struct shoal_http_input *input = &link->input;
	unsigned said = input->status;

	if (status != 0 || job == NULL) {
		/* No HTTP, too long, or an answer to nothing. */
		shoal_http_link_doom(link, status == 413 ? SHOAL_ERR_TOO_BIG : SHOAL_ERR_CLOSED);
		return;
	}
	int code = code_of(said);
	if (code == SHOAL_ERR_LIMIT) {
		uint64_t rest = input->retry_after_s > 0 ? input->retry_after_s : REST_BUSY_S;
		shoal_http_peer_rest(
		        link->peer, SHOAL_SEC(rest < REST_MOST_S ? rest : REST_MOST_S));
	} else if (code != 0) {
		complain(link, said);
	}
	if (job->kind == SHOAL_HTTP_REQUEST && said == 204) {
		code = SHOAL_ERR_CLOSED; /* a request has a reply */
	}
	link->job = NULL;
	job->link = NULL;
	link->used = true;
	bool over = !input->keep_alive || evbuffer_get_length(link->out) > 0;
	struct shoal_http_peer *peer = link->peer;
	shoal_http_job_end(job, code, input->body, input->len);
	if (link->doomed) {
		return;
	}
	shoal_http_input_reset(input);
	if (over) {
		shoal_http_link_doom(link, SHOAL_ERR_CLOSED);
	} else {
		shoal_http_link_arm(link, http->idle_ns);
	}
	shoal_http_peer_tend(peer);
}
