/* SPDX-License-Identifier: MIT */
/* A member inside an event loop that the application owns: one thread, no locks.
 *
 *     embed NAME ADDRESS [SEED]...
 *
 * The application serves its own events on the base (here: standard input, and a line a second
 * about the cluster); the library adds its sockets and timers to it. Nothing may block on that
 * thread, so joining and leaving have a callback for their end, and the loop ends when everything
 * of both is gone. */
#include <shoal/shoal.h>

#include <event2/event.h>
#include <stdio.h>
#include <unistd.h>

struct application {
	struct shoal_cluster *cluster;
	struct event *input, *tick;
	int status;
};

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
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct application *app = arg;
	struct shoal_member_list *list = shoal_members(app->cluster, NULL);

	(void)fd;
	(void)what;
	printf("%zu members are known\n", shoal_member_list_count(list));
	shoal_member_list_free(list);
}

static void
on_left(struct shoal_cluster *cluster, int code, const char *text, size_t reached, void *arg)
{
	struct application *app = arg;

	(void)cluster;
	(void)reached;
	printf("left: %s\n", code == 0 ? "confirmed" : text);
	app->status |= code != 0;
}

/* Ends the application's part; the loop goes on until the library's part has ended too. */
static void
end(struct application *app)
{
	event_del(app->input);
	event_del(app->tick);
	if (shoal_cluster_leave_async(app->cluster, 3000, on_left, app) != 0) {
		fprintf(stderr, "%s\n", shoal_last_error());
	}
}

static void
on_input(evutil_socket_t fd, short what, void *arg)
{
	char bytes[256];

	if (what == EV_READ && read(fd, bytes, sizeof(bytes)) <= 0) {
		end(arg);
	}
}

static void
on_joined(struct shoal_cluster *cluster, int code, const char *text, size_t reached, void *arg)
{
	struct application *app = arg;

	(void)cluster;
	if (code == 0) {
		printf("joined through %zu seeds\n", reached);
		return;
	}
	fprintf(stderr, "%s\n", text);
	app->status = 1;
	end(app);
}

static int
begin(struct application *app, struct event_base *base, char **argv, int argc)
{
	const struct timeval second = {.tv_sec = 1};
	struct shoal_config config;
	char address[SHOAL_URL_TEXT];

	shoal_config_init(&config);
	config.name = argv[1];
	config.bind = argv[2];
	config.run = SHOAL_RUN_BASE;
	config.base = base;
	if (shoal_cluster_new(&app->cluster, &config) != 0) {
		return -1;
	}
	if (shoal_on_member(app->cluster, SHOAL_EVENT_ALL, on_member, app) != 0 ||
	        shoal_cluster_start(app->cluster) != 0) {
		return -1;
	}
	shoal_cluster_address(app->cluster, address, sizeof(address));
	printf("%s is at %s\n", config.name, address);
	event_add(app->input, NULL);
	event_add(app->tick, &second);
	if (argc == 3) {
		return 0;
	}
	return shoal_cluster_join_async(app->cluster, (const char *const *)argv + 3,
	        (size_t)argc - 3, 5000, on_joined, app);
}

int
main(int argc, char **argv)
{
	struct application app = {.status = 0};
	struct event_config *precise = event_config_new();

	if (argc < 3) {
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* Deadlines of the protocol are milliseconds: precise timers keep them best. */
	event_config_set_flag(precise, EVENT_BASE_FLAG_PRECISE_TIMER);
	struct event_base *base = event_base_new_with_config(precise);
	event_config_free(precise);
	app.input = event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, &app);
	app.tick = event_new(base, -1, EV_PERSIST, on_tick, &app);
	if (begin(&app, base, argv, argc) != 0) {
		fprintf(stderr, "%s\n", shoal_last_error());
		app.status = 1;
	} else {
		event_base_dispatch(base);
	}
	shoal_cluster_free(app.cluster);
	event_free(app.input);
	event_free(app.tick);
	event_base_free(base);
	return app.status;
}
