/* SPDX-License-Identifier: MIT */
/* The members, as a file in memory, are the program's input: it may read them or not. */
#include "agent_hook.h"

#include "document.h"
#include "log.h"
#include "program.h"
#include "text.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define VARIABLES 4

struct waiting {
	enum shoal_event_kind kind;
	struct shoal_id id;
	char name[SHOAL_NAME_MAX + 1];
	char address[SHOAL_URL_TEXT];
};

struct cli_hook {
	struct shoal_cluster *cluster;
	const char *program;
	struct event *child_ended;
	pid_t child; /* 0: none runs */
	struct waiting events[CLI_HOOK_EVENTS];
	size_t first, count;
};

static struct waiting *
at(struct cli_hook *hook, size_t i)
{
	return &hook->events[(hook->first + i) % CLI_HOOK_EVENTS];
}

/* The members as `shoal members --format json` shows them, to read from the start; -1. */
static int
members_file(struct cli_hook *hook)
{
	struct shoal_member_list *members = shoal_members(hook->cluster, NULL);
	json_t *list = json_array();
	uint64_t now = cli_text_wall_ns();
	char *text;
	int fd = -1;

	for (size_t i = 0; members != NULL && i < shoal_member_list_count(members); i++) {
		json_array_append_new(
		        list, cli_document_member(shoal_member_list_at(members, i), now));
	}
	shoal_member_list_free(members);
	text = json_dumps(list, JSON_COMPACT | JSON_REAL_PRECISION(9));
	json_decref(list);
	if (text != NULL) {
		size_t len = strlen(text);

		text[len] = '\n'; /* in the place of its end */
		fd = cli_program_input(text, len + 1);
	}
	free(text);
	return fd;
}

/* 0, or an error number. */
static int
start(struct cli_hook *hook, const struct waiting *event)
{
	char text[VARIABLES][SHOAL_URL_TEXT + 64], id[SHOAL_ID_TEXT] = "";
	const char *variables[] = {text[0], text[1], text[2], text[3], NULL};
	int input = members_file(hook), rc;

	if (input < 0) {
		return ENOMEM;
	}
	if (!shoal_id_is_zero(&event->id)) {
		shoal_id_print(&event->id, id);
	}
	snprintf(text[0], sizeof(text[0]), "SHOAL_EVENT=%s", shoal_event_name(event->kind));
	snprintf(text[1], sizeof(text[1]), "SHOAL_MEMBER=%s", event->name);
	snprintf(text[2], sizeof(text[2]), "SHOAL_MEMBER_ID=%s", id);
	snprintf(text[3], sizeof(text[3]), "SHOAL_MEMBER_ADDRESS=%s", event->address);
	rc = cli_program_start(hook->program, input, -1, variables, &hook->child);
	close(input);
	hook->child = rc == 0 ? hook->child : 0;
	return rc;
}

/* The first that waits, where none runs. */
static void
run_next(struct cli_hook *hook)
{
	while (hook->child == 0 && hook->count > 0) {
		int rc = start(hook, at(hook, 0));

		if (rc != 0) {
			cli_log_rarely(SHOAL_LOG_ERROR, "--on-event: %s cannot be run: %s",
			        hook->program, strerror(rc));
		}
		hook->first = (hook->first + 1) % CLI_HOOK_EVENTS;
		hook->count--;
	}
}

static void
on_child(evutil_socket_t number, short what, void *arg)
{
	struct cli_hook *hook = arg;
	int status;

	(void)number;
	(void)what;
	if (hook->child == 0 || waitpid(hook->child, &status, WNOHANG) != hook->child) {
		return;
	}
	hook->child = 0;
	if (status != 0) {
		cli_log_rarely(SHOAL_LOG_WARN, "--on-event: %s ended with %s %d", hook->program,
		        WIFSIGNALED(status) ? "signal" : "status",
		        WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	}
	run_next(hook);
}

/* Where it shall stand: in the place of one about the same member, or behind all. */
static struct waiting *
place_for(struct cli_hook *hook, const struct shoal_id *id)
{
	for (size_t i = 0; i < hook->count; i++) {
		if (shoal_id_compare(&at(hook, i)->id, id) == 0) {
			return at(hook, i);
		}
	}
	hook->count += hook->count < CLI_HOOK_EVENTS;
	return at(hook, hook->count - 1);
}

static void
on_member(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	static const struct shoal_id nobody;
	const struct shoal_member *member = event->member;
	struct cli_hook *hook = arg;
	bool full = hook->count == CLI_HOOK_EVENTS - 1;
	const struct shoal_id *id = member == NULL || full ? &nobody : shoal_member_id(member);
	struct waiting *waiting = place_for(hook, id);

	(void)cluster;
	memset(waiting, 0, sizeof(*waiting));
	waiting->kind = SHOAL_EVENT_OVERFLOW;
	if (id != &nobody) {
		waiting->kind = event->kind;
		waiting->id = *id;
		snprintf(waiting->name, sizeof(waiting->name), "%s", shoal_member_name(member));
		shoal_member_address_print(member, waiting->address, sizeof(waiting->address));
	}
	run_next(hook);
}

struct cli_hook *
cli_hook_new(struct event_base *base, struct shoal_cluster *cluster, const char *program)
{
	struct cli_hook *hook = calloc(1, sizeof(*hook));

	if (hook == NULL) {
		return NULL;
	}
	hook->cluster = cluster;
	hook->program = program;
	hook->child_ended = event_new(base, SIGCHLD, EV_SIGNAL | EV_PERSIST, on_child, hook);
	if (hook->child_ended == NULL || event_add(hook->child_ended, NULL) < 0 ||
	        shoal_on_member(cluster, SHOAL_EVENT_ALL, on_member, hook) < 0) {
		cli_hook_free(hook);
		return NULL;
	}
	return hook;
}

void
cli_hook_free(struct cli_hook *hook)
{
	if (hook != NULL && hook->child_ended != NULL) {
		event_free(hook->child_ended);
	}
	free(hook);
}
