/* SPDX-License-Identifier: MIT */
/* The TCP transport: starts and stops; see tcp.h for its parts and its rules. */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "transports/process.h"
#include "transports/tcp.h"

void
shoal_tcp_count(struct shoal_tcp *tcp, enum shoal_counter counter)
{
	tcp->env.host.count(tcp->env.host.arg, counter, 1);
}

void
shoal_tcp_batch_end(struct shoal_tcp *tcp)
{
	if (tcp->running && tcp->called) {
		tcp->called = false;
		tcp->env.host.batch_end(tcp->env.host.arg);
	}
}

static void
release(struct shoal_tcp *tcp)
{
	if (!tcp->prepared) {
		return;
	}
	shoal_tcp_connection_release_all(tcp);
	shoal_slab_done(&tcp->requests);
	shoal_slab_done(&tcp->exchanges);
	shoal_tcp_limits_done(tcp);
	shoal_tls_free(tcp->tls);
	tcp->tls = NULL;
	shoal_alloc_free(&tcp->work, tcp->scratch);
	shoal_acceptor_done(&tcp->acceptor);
	tcp->scratch = NULL;
	tcp->prepared = false;
}

static int
fail(struct shoal_tcp *tcp, int code)
{
	shoal_acceptor_stop(&tcp->acceptor);
	release(tcp);
	return code;
}

static int
prepare(struct shoal_tcp *tcp, const struct shoal_transport_env *env)
{
	tcp->env = *env;
	tcp->prepared = true;
	tcp->work = shoal_socket_allocator(env, &tcp->own);
	tcp->called = false;
	tcp->links_in = tcp->links_out = 0;
	shoal_list_init(&tcp->links);
	tcp->patience_ns = SHOAL_MS(env->exchange_timeout_ms);
	tcp->idle_ns = SHOAL_MS(env->idle_timeout_ms);
	shoal_slab_init(&tcp->requests, &tcp->work, sizeof(struct shoal_tcp_request),
	        SHOAL_TCP_REQUESTS_MAX);
	shoal_slab_init(&tcp->exchanges, &tcp->work, sizeof(struct shoal_tcp_exchange),
	        SHOAL_TCP_EXCHANGES_MAX);
	int code = shoal_tcp_limits_init(tcp);
	if (code != 0) {
		return code;
	}
	tcp->scratch = shoal_alloc(&tcp->work, SHOAL_TCP_SCRATCH);
	tcp->acceptor = (struct shoal_acceptor){.env = &tcp->env,
	        .mem = &tcp->work,
	        .crowd = &tcp->crowd,
	        .transport = "tcp",
	        .welcome = shoal_tcp_connection_accept,
	        .arg = tcp};
	code = shoal_acceptor_init(&tcp->acceptor, env->binds);
	return tcp->scratch != NULL ? code : SHOAL_ERR_NOMEM;
}

static const struct shoal_transport_ops ops;

static int
prepare_tls(struct shoal_tcp *tcp, char *why, size_t len)
{
	const struct shoal_transport_tls *tls = &tcp->env.tls;
	const struct shoal_tls_files files = {.ca = tls->ca,
	        .cert = tls->cert,
	        .key = tls->key,
	        .verify = !tls->insecure,
	        .client_certs = tls->client_certs};

	memset(&tcp->said, 0, sizeof(tcp->said));
	shoal_handshakes_init(&tcp->handshakes, tcp->env.base, shoal_tcp_greet_turn);
	if (!tls->on) {
		return 0;
	}
	if (tls->cert == NULL) {
		struct shoal_text text;
		shoal_text_init(&text, why, len);
		shoal_text_str(&text, "tcp: tls needs tls_cert and tls_key");
		return SHOAL_ERR_INVALID;
	}
	return shoal_tls_new(&tcp->tls, &tcp->work, &files, why, len);
}

static int
tcp_start(void *self, const struct shoal_transport_env *env, char *why, size_t len)
{
	struct shoal_tcp *tcp = self;
	if (tcp->running) {
		return SHOAL_ERR_STATE;
	}
	int code = shoal_socket_check_env(&ops, env, why, len);
	if (code != 0) {
		return code;
	}
	release(tcp);
	code = prepare(tcp, env);
	if (code != 0) {
		return fail(tcp, shoal_socket_explain("tcp", env->bind,
		                         code == SHOAL_ERR_NOMEM ? ENOMEM : errno, why, len));
	}
	code = prepare_tls(tcp, why, len);
	if (code != 0) {
		return fail(tcp, code);
	}
	for (size_t i = 0; i < env->binds; ++i) {
		code = shoal_acceptor_listen(&tcp->acceptor, &env->bind[i], why, len);
		if (code != 0) {
			return fail(tcp, code);
		}
	}
	tcp->running = true;
	tcp->owner = shoal_process_number();
	return 0;
}

static int
tcp_reload(void *self, char *why, size_t len)
{
	struct shoal_tcp *tcp = self;
	if (!tcp->running) {
		return SHOAL_ERR_STATE;
	}
	return tcp->tls != NULL ? shoal_tls_reload(tcp->tls, why, len) : 0;
}

static int
tcp_address(const void *self, size_t i, struct shoal_addr *addr)
{
	const struct shoal_tcp *tcp = self;
	if (!tcp->running) {
		return SHOAL_ERR_STATE;
	}
	if (i >= tcp->acceptor.ports) {
		return SHOAL_ERR_INVALID;
	}
	*addr = tcp->acceptor.port[i].addr;
	return 0;
}

static void
tcp_stop(void *self)
{
	struct shoal_tcp *tcp = self;
	if (!tcp->running) {
		return;
	}
	tcp->running = false;
	shoal_acceptor_stop(&tcp->acceptor);
	shoal_tcp_connection_close_all(tcp);
	shoal_handshakes_stop(&tcp->handshakes);
}

static void
tcp_free(void *self)
{
	struct shoal_tcp *tcp = self;
	struct shoal_allocator own = tcp->own;
	tcp_stop(tcp);
	release(tcp);
	shoal_alloc_free(&own, tcp);
}

static const struct shoal_transport_ops ops = {
        .abi = SHOAL_TRANSPORT_ABI,
        .caps = SHOAL_TRANSPORT_STREAM | SHOAL_TRANSPORT_WATCH | SHOAL_TRANSPORT_WAITING |
                SHOAL_TRANSPORT_TOLD | SHOAL_TRANSPORT_PEERS,
        .name = "tcp",
        .start = tcp_start,
        .address = tcp_address,
        .stream = shoal_tcp_exchange_stream,
        .request = shoal_tcp_exchange_request,
        .reply = shoal_tcp_exchange_reply,
        .fresh = shoal_tcp_exchange_fresh,
        .watch = shoal_tcp_watch_open,
        .unwatch = shoal_tcp_watch_close,
        .tell = shoal_tcp_watch_tell,
        .drop = shoal_tcp_watch_drop,
        .waiting = shoal_tcp_output_waiting,
        .told = shoal_tcp_watch_told,
        .peer = shoal_tcp_exchange_peer,
        .reload = tcp_reload,
        .stop = tcp_stop,
        .free = tcp_free,
};

int
shoal_transport_tcp(struct shoal_transport *transport, const struct shoal_allocator *allocator)
{
	struct shoal_allocator own = shoal_allocator_or_libc(allocator);
	struct shoal_tcp *tcp = shoal_alloc_zeroed(&own, 1, sizeof(*tcp));
	if (tcp == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	tcp->own = own;
	transport->ops = &ops;
	transport->self = tcp;
	return 0;
}
