/* SPDX-License-Identifier: MIT */
/* `shoal members --watch`: follows the agent's events, and asks for the list again after each batch
 * of them. The stream is open before the list is asked for, so no change falls between. On a
 * terminal the list is also drawn every second, because ages and round trip times have no events.
 */
#include "members.h"

#include <string.h>

#define REDRAW_MS 1000
#define BATCH_MS  20 /* changes come in groups: wait so long for the next one of a group */
#define BATCH_MAX 256

/* Waits for a change and takes what comes with it. */
static enum cli_client_turn
take_batch(struct cli_client *client, const struct cli_members_view *view, bool *lagged)
{
	struct cli_sse_event event;
	enum cli_client_turn turn = cli_client_next(client, view->screen ? REDRAW_MS : -1, &event);
	unsigned n;

	for (n = 0; turn == CLI_CLIENT_EVENT && n < BATCH_MAX; n++) {
		if (strcmp(event.kind, "lagged") == 0) {
			*lagged = true;
		}
		turn = cli_client_next(client, BATCH_MS, &event);
	}
	return turn;
}

int
cli_members_watch(struct cli_client *client, struct cli_members_view *view)
{
	int end = cli_client_follow(client);
	bool lagged = false;

	while (end == CLI_DONE) {
		switch (take_batch(client, view, &lagged)) {
		case CLI_CLIENT_EVENT:
		case CLI_CLIENT_TIMEOUT:
			end = cli_members_show(client, view);
			break;
		case CLI_CLIENT_SIGNAL:
			return CLI_DONE;
		case CLI_CLIENT_CLOSED:
			end = cli_client_follow_again(client, &lagged);
			break;
		case CLI_CLIENT_COMPLAINED:
			return CLI_FAILED;
		}
	}
	return end;
}
