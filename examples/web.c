/* SPDX-License-Identifier: MIT */
/* A member that shares the web server of its application: one port for both.
 *
 *     web NAME ADDRESS [SEED]
 *
 * The application serves its pages with an evhttp (here one: how many members there are); below
 * /gossip it is asked by the other members. Both run on the application's event_base, on one
 * thread. SEED is the address of another one's server. */
#include <shoal/shoal.h>
#include <shoal/transport.h>

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <unistd.h>

struct application {
	struct event_base *base;
	struct evhttp *server;
	struct shoal_cluster *cluster;
	struct event *input;
};

static void
on_page(struct evhttp_request *request, void *arg)
{
	struct application *app = arg;
	struct shoal_member_list *list = shoal_members(app->cluster, NULL);
	struct evbuffer *page = evbuffer_new();

	evbuffer_add_printf(page, "%zu members\n", shoal_member_list_count(list));
	shoal_member_list_free(list);
	evhttp_send_reply(request, HTTP_OK, NULL, page);
	evbuffer_free(page);
}

static void
on_member(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	(void)cluster;
	(void)arg;
	if (event->member != NULL) {
		printf("%s %s (%s)\n", shoal_member_name(event->member),
		        shoal_event_name(event->kind), shoal_cause_text(&event->cause));
	}
}

static void
on_left(struct shoal_cluster *cluster, int code, const char *text, size_t reached, void *arg)
{
	(void)cluster;
	(void)code;
	(void)text;
	(void)reached;
	event_base_loopbreak(arg);
}

static void
on_input(evutil_socket_t fd, short what, void *arg)
{
	struct application *app = arg;
	char bytes[256];

	if (what == EV_READ && read(fd, bytes, sizeof(bytes)) <= 0) {
		event_del(app->input);
		(void)shoal_cluster_leave_async(app->cluster, 3000, on_left, app->base);
	}
}

/* The server listens first: then its port is known. */
static int
serve(struct application *app, const char *address, char *url, size_t len)
{
	char host[64] = "";
	unsigned port = 0;
	struct sockaddr_in at;
	socklen_t size = sizeof(at);
	struct evhttp_bound_socket *bound;

	sscanf(address, "%63[^:]:%u", host, &port);
	bound = evhttp_bind_socket_with_handle(app->server, host, (uint16_t)port);
	if (bound == NULL) {
		return -1;
	}
	getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&at, &size);
	evhttp_set_cb(app->server, "/", on_page, app);
	snprintf(url, len, "http://%s:%u/gossip", host, ntohs(at.sin_port));
	printf(" is at %s:%u\n", host, ntohs(at.sin_port));
	return 0;
}

static int
begin(struct application *app, char **argv, int argc)
{
	struct shoal_transport transport;
	struct shoal_config config;
	char url[128], seed[128];
	const char *const seeds[] = {seed};

	printf("%s", argv[1]);
	if (serve(app, argv[2], url, sizeof(url)) != 0 ||
	        shoal_transport_http(&transport, NULL) != 0 ||
	        shoal_transport_http_mount(&transport, app->server) != 0) {
		return -1;
	}
	shoal_config_init(&config);
	config.name = argv[1];
	config.bind = url;
	config.transports = &transport;
	config.transport_count = 1;
	config.run = SHOAL_RUN_BASE;
	config.base = app->base;
	if (shoal_cluster_new(&app->cluster, &config) != 0 ||
	        shoal_on_member(app->cluster, SHOAL_EVENT_ALL, on_member, app) != 0 ||
	        shoal_cluster_start(app->cluster) != 0) {
		return -1;
	}
	event_add(app->input, NULL);
	snprintf(seed, sizeof(seed), "http://%s/gossip", argc > 3 ? argv[3] : "");
	return argc > 3 ? shoal_cluster_join_async(app->cluster, seeds, 1, 5000, NULL, NULL) : 0;
}

int
main(int argc, char **argv)
{
	struct application app = {.base = event_base_new()};
	int status = 0;

	if (argc < 3) {
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	app.server = evhttp_new(app.base);
	app.input = event_new(app.base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, &app);
	if (begin(&app, argv, argc) != 0) {
		fprintf(stderr, "%s\n", shoal_last_error());
		status = 1;
	} else {
		event_base_dispatch(app.base);
	}
	shoal_cluster_free(app.cluster); /* before the server: it stops the transport */
	event_free(app.input);
	evhttp_free(app.server);
	event_base_free(app.base);
	return status;
}
