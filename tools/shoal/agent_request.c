/* SPDX-License-Identifier: MIT */
/* A run is over when its program has ended: what it printed until then is the reply. It stays until
 * the reply was taken, for which there may be no room yet, but not for longer than a program may
 * take: an asker that takes nothing holds up nobody else. Everything runs on the tool's loop. */
#include "agent_request.h"

#include "log.h"
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TYPE_MIN  128
#define TYPE_MAX  65535
#define AGAIN_MS  50
#define TRIES     (CLI_REQUEST_MS / AGAIN_MS) /* of a reply */
#define VARIABLES 3

struct run {
	struct cli_requests *requests;
	const char *program;
	struct shoal_id sender;
	uint64_t ticket; /* 0: there is none here */
	pid_t child;     /* 0: it has ended, and its reply waits */
	int code, output;
	unsigned tries; /* of its reply */
	struct event *readable, *timer;
	uint8_t *data;
	size_t len;
};

struct handler {
	struct cli_requests *requests;
	const char *program;
};

struct cli_requests {
	struct shoal_cluster *cluster;
	struct event_base *base;
	struct event *child_ended;
	struct handler *handler;
	struct run run[CLI_REQUESTS_RUNNING];
};

int
cli_requests_parse(const char *value, const char **program)
{
	char *rest;
	long type = strtol(value, &rest, 10);

	if (rest == value || *rest != '=' || rest[1] == '\0' || type < TYPE_MIN ||
	        type > TYPE_MAX) {
		return -1;
	}
	*program = rest + 1;
	return (int)type;
}

static void
release(struct run *run)
{
	if (run->child != 0) {
		kill(-run->child, SIGKILL);
	}
	if (run->readable != NULL) {
		event_free(run->readable);
	}
	if (run->timer != NULL) {
		event_free(run->timer);
	}
	if (run->output >= 0) {
		close(run->output);
	}
	free(run->data);
	*run = (struct run){.requests = run->requests, .output = -1};
}

static void
wait_ms(struct run *run, unsigned ms)
{
	const struct timeval in = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	event_add(run->timer, &in);
}

/* The reply, once it is taken or nobody waits for it any more. */
static void
reply(struct run *run)
{
	int rc = shoal_reply(run->requests->cluster, run->ticket, run->code, run->data, run->len);
	bool later = rc == SHOAL_ERR_AGAIN || rc == SHOAL_ERR_NOMEM || rc == SHOAL_ERR_STATE;

	if (later && run->tries < TRIES) {
		run->tries++;
		wait_ms(run, AGAIN_MS);
		return;
	}
	if (later || rc == SHOAL_ERR_TOO_BIG) {
		rc = later ? SHOAL_ERR_LIMIT : rc;
		(void)shoal_reply(run->requests->cluster, run->ticket, rc, NULL, 0);
	}
	if (later) {
		cli_log_rarely(
		        SHOAL_LOG_WARN, "--on-request: what %s printed is not taken", run->program);
	}
	release(run);
}

/* It ends soon, and what it printed does not count. */
static void
stop(struct run *run, int code, const char *why)
{
	if (run->code == 0) {
		cli_log_rarely(SHOAL_LOG_WARN, "--on-request: %s %s", run->program, why);
		run->code = code;
		if (run->child != 0) {
			kill(-run->child, SIGKILL);
		}
	}
}

static void
read_output(struct run *run)
{
	ssize_t n = 0;

	while (run->len <= CLI_REPLY_MAX &&
	        (n = read(run->output, run->data + run->len, CLI_REPLY_MAX + 1 - run->len)) > 0) {
		run->len += (size_t)n;
	}
	if (run->len > CLI_REPLY_MAX) {
		stop(run, SHOAL_ERR_TOO_BIG, "prints more than a reply may have");
		event_del(run->readable);
	} else if (n == 0) {
		event_del(run->readable); /* closed: its end is what counts */
	}
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	read_output(arg);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct run *run = arg;

	(void)fd;
	(void)what;
	if (run->child == 0) {
		reply(run);
	} else {
		stop(run, SHOAL_ERR_TIMEOUT, "takes too long");
	}
}

static void
on_end(struct run *run, int status)
{
	run->child = 0; /* its number may be another one's by now */
	read_output(run);
	event_del(run->readable);
	event_del(run->timer);
	if (run->code == 0 && status != 0) {
		cli_log_rarely(SHOAL_LOG_WARN, "--on-request: %s ended with %s %d", run->program,
		        WIFSIGNALED(status) ? "signal" : "status",
		        WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		run->code = SHOAL_ERR_CALLBACK;
	}
	reply(run);
}

static void
on_child(evutil_socket_t number, short what, void *arg)
{
	struct cli_requests *requests = arg;
	int status;

	(void)number;
	(void)what;
	for (size_t i = 0; i < CLI_REQUESTS_RUNNING; i++) {
		struct run *run = &requests->run[i];

		if (run->child != 0 && waitpid(run->child, &status, WNOHANG) == run->child) {
			on_end(run, status);
		}
	}
}

/* 0, or an error number. */
static int
spawn(struct run *run, const struct shoal_message *message, int output)
{
	char text[VARIABLES][SHOAL_NAME_MAX + 64], id[SHOAL_ID_TEXT];
	const char *variables[] = {text[0], text[1], text[2], NULL};
	struct shoal_member_list *members = shoal_members(run->requests->cluster, NULL);
	const struct shoal_member *sender = members != NULL ? shoal_member_list_find_by_id(members,
	                                                              shoal_message_sender(message))
	                                                    : NULL;
	int input = cli_program_input(shoal_message_data(message), shoal_message_len(message));
	int rc = ENOMEM;

	shoal_id_print(shoal_message_sender(message), id);
	snprintf(text[0], sizeof(text[0]), "SHOAL_REQUEST=%u", shoal_message_type(message));
	snprintf(text[1], sizeof(text[1]), "SHOAL_MEMBER=%s",
	        sender != NULL ? shoal_member_name(sender) : "");
	snprintf(text[2], sizeof(text[2]), "SHOAL_MEMBER_ID=%s", id);
	shoal_member_list_free(members);
	if (input >= 0) {
		rc = cli_program_start(run->program, input, output, variables, &run->child);
		close(input);
	}
	run->child = rc == 0 ? run->child : 0;
	return rc;
}

/* 0, or an error number. */
static int
start(struct run *run, const struct shoal_message *message)
{
	struct event_base *base = run->requests->base;
	int ends[2], rc;

	run->data = malloc(CLI_REPLY_MAX + 1);
	run->timer = event_new(base, -1, 0, on_timer, run);
	if (run->data == NULL || run->timer == NULL || pipe2(ends, O_CLOEXEC) != 0) {
		return ENOMEM;
	}
	run->output = ends[0];
	run->readable = event_new(base, ends[0], EV_READ | EV_PERSIST, on_readable, run);
	rc = run->readable != NULL && evutil_make_socket_nonblocking(ends[0]) == 0 &&
	                     event_add(run->readable, NULL) == 0
	             ? spawn(run, message, ends[1])
	             : ENOMEM;
	close(ends[1]);
	if (rc == 0) {
		wait_ms(run, CLI_REQUEST_MS);
	}
	return rc;
}

/* NULL: all run, or a member has as many as it leaves to others. */
static struct run *
free_run(struct cli_requests *requests, const struct shoal_id *sender)
{
	struct run *found = NULL;
	size_t left = 0, its = 0;

	for (size_t i = 0; i < CLI_REQUESTS_RUNNING; i++) {
		struct run *run = &requests->run[i];
		if (run->ticket == 0) {
			found = run;
			left++;
		} else if (memcmp(&run->sender, sender, sizeof(*sender)) == 0) {
			its++;
		}
	}
	return its < left ? found : NULL;
}

static void
on_request(struct shoal_cluster *cluster, const struct shoal_message *message, uint64_t ticket,
        void *arg)
{
	const struct handler *handler = arg;
	struct cli_requests *requests = handler->requests;
	const struct shoal_id *sender = shoal_message_sender(message);
	struct run *run = free_run(requests, sender);
	int rc;

	if (run == NULL) {
		(void)shoal_reply(cluster, ticket, SHOAL_ERR_LIMIT, NULL, 0);
		return;
	}
	run->program = handler->program;
	run->ticket = ticket;
	run->sender = *sender;
	rc = start(run, message);
	if (rc != 0) {
		cli_log_rarely(SHOAL_LOG_ERROR, "--on-request: %s cannot be run: %s", run->program,
		        strerror(rc));
		(void)shoal_reply(cluster, ticket, SHOAL_ERR_CALLBACK, NULL, 0);
		release(run);
	}
}

/* false: no memory, or a type is there twice. */
static bool
handle_all(struct cli_requests *requests, const struct cli_options *options)
{
	const struct cli_setting *setting;
	size_t n = 0;

	while (cli_option_at(options, "on_request", n) != NULL) {
		n++;
	}
	requests->handler = calloc(n + 1, sizeof(*requests->handler));
	for (size_t i = 0; requests->handler != NULL && i < n; i++) {
		struct handler *handler = &requests->handler[i];

		setting = cli_option_at(options, "on_request", i);
		handler->requests = requests;
		int type = cli_requests_parse(setting->value, &handler->program);
		if (shoal_handle_request(requests->cluster, (uint16_t)type, on_request, handler) <
		        0) {
			return false;
		}
	}
	return requests->handler != NULL;
}

struct cli_requests *
cli_requests_new(
        struct event_base *base, struct shoal_cluster *cluster, const struct cli_options *options)
{
	struct cli_requests *requests = calloc(1, sizeof(*requests));

	if (requests == NULL) {
		return NULL;
	}
	requests->cluster = cluster;
	requests->base = base;
	for (size_t i = 0; i < CLI_REQUESTS_RUNNING; i++) {
		requests->run[i] = (struct run){.requests = requests, .output = -1};
	}
	requests->child_ended =
	        event_new(base, SIGCHLD, EV_SIGNAL | EV_PERSIST, on_child, requests);
	if (requests->child_ended == NULL || event_add(requests->child_ended, NULL) < 0 ||
	        !handle_all(requests, options)) {
		cli_requests_free(requests);
		return NULL;
	}
	return requests;
}

void
cli_requests_free(struct cli_requests *requests)
{
	if (requests == NULL) {
		return;
	}
	for (size_t i = 0; i < CLI_REQUESTS_RUNNING; i++) {
		release(&requests->run[i]);
	}
	if (requests->child_ended != NULL) {
		event_free(requests->child_ended);
	}
	free(requests->handler);
	free(requests);
}
