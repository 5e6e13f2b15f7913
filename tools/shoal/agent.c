/* SPDX-License-Identifier: MIT */
/* `shoal agent`: one member as a process.
 *
 * The cluster runs its own loop in a thread of the library (SHOAL_RUN_DISPATCH); callbacks, the
 * control socket and signals share this file's loop, so no slow reader of the socket delays a
 * probe. Life: make and start the cluster, open the control socket, print the ready line, join;
 * then leave on the first SIGINT or SIGTERM or on request, and end at once on the second. */
#include "agent_config.h"
#include "agent_environ.h"
#include "agent_hook.h"
#include "agent_http.h"
#include "agent_reload.h"
#include "agent_request.h"
#include "control_socket.h"
#include "handover.h"
#include "http_listen.h"
#include "notify.h"
#include "text.h"

#include <event2/event.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define JOIN_TIMEOUT_MS 5000
#define LAST_WORDS_MS   1000 /* answers that are still being sent when the member has left */
#define SAME_SIGNAL_MS  300  /* timeout(1) sends a signal to the process and then to its group */
#define OWN_FILES       128  /* descriptors beside the cluster's streams */

struct agent {
	struct cli_agent_config config;
	struct shoal_cluster *cluster;
	struct event_base *base;
	struct cli_handover handover;
	struct cli_control_socket control;
	int public_fd; /* of --http, -1: none */
	struct cli_http *http;
	struct cli_hook *hook;
	struct cli_requests *requests;
	struct cli_reload *reload;
	struct event *sigint, *sigterm, *sighup, *callbacks;
	bool leaving, left;
	int first_signal; /* 0: none came */
	uint64_t first_signal_ms;
	char *failure; /* why the member stopped by itself; NULL: it did not */
	int end;
};

static void
on_drained(void *arg)
{
	struct agent *agent = arg;

	event_base_loopexit(agent->base, NULL);
}

static void
on_left(struct shoal_cluster *cluster, int code, const char *text, size_t reached, void *arg)
{
	static const struct timeval last_words = {.tv_sec = LAST_WORDS_MS / 1000};
	struct agent *agent = arg;

	(void)cluster;
	(void)reached;
	if (code == SHOAL_ERR_CANCELED) { /* taken down while it was leaving */
		return;
	}
	if (code == 0) {
		cli_log(SHOAL_LOG_INFO, "left the cluster");
	} else {
		cli_log(SHOAL_LOG_WARN, "left, but: %s", text);
	}
	agent->left = true;
	agent->end = CLI_DONE;
	event_base_loopexit(agent->base, &last_words);
	cli_http_finish(agent->http, code, text, on_drained, agent);
}

/* From a signal or from the control socket. */
static int
leave(unsigned timeout_ms, void *arg)
{
	struct agent *agent = arg;
	int rc = 0;

	if (!agent->leaving) {
		rc = shoal_cluster_leave_async(agent->cluster, timeout_ms, on_left, agent);
	}
	if (rc == 0 && !agent->leaving) {
		agent->leaving = true;
		cli_notify("STOPPING=1\nSTATUS=leaving the cluster");
	}
	return rc;
}

static void
on_signal(evutil_socket_t number, short what, void *arg)
{
	struct agent *agent = arg;
	uint64_t now = cli_text_boot_ms();

	(void)what;
	if (number == agent->first_signal && now - agent->first_signal_ms < SAME_SIGNAL_MS) {
		return;
	}
	if (agent->leaving) {
		cli_log(SHOAL_LOG_WARN, "%s again: stopped without waiting for the leave",
		        strsignal((int)number));
		agent->end = agent->left ? CLI_DONE : CLI_FAILED;
		event_base_loopbreak(agent->base);
		return;
	}
	agent->first_signal = (int)number;
	agent->first_signal_ms = now;
	cli_log(SHOAL_LOG_INFO, "%s: leaving the cluster", strsignal((int)number));
	if (leave(0, agent) < 0) {
		cli_log(SHOAL_LOG_ERROR, "cannot leave: %s", shoal_last_error());
		event_base_loopbreak(agent->base);
	}
}

/* From SIGHUP or from the control socket. */
static json_t *
reload(char why[CLI_RELOAD_TEXT], void *arg)
{
	struct agent *agent = arg;
	json_t *report;

	if (agent->reload == NULL) {
		snprintf(why, CLI_RELOAD_TEXT, "the agent has not started yet");
		return NULL;
	}
	cli_notify_reloading();
	cli_http_reloading(agent->http, true);
	report = cli_reload_again(agent->reload, why);
	cli_http_reloading(agent->http, false);
	if (report == NULL) {
		cli_log(SHOAL_LOG_ERROR, "not reloaded: %s", why);
	} else {
		char *text = json_dumps(report, 0);
		cli_log(SHOAL_LOG_INFO, "reloaded: %s", text == NULL ? "" : text);
		free(text);
	}
	cli_notify("READY=1");
	return report;
}

static void
on_hangup(evutil_socket_t number, short what, void *arg)
{
	char why[CLI_RELOAD_TEXT];

	(void)number;
	(void)what;
	json_decref(reload(why, arg));
}

static void
on_callbacks(evutil_socket_t fd, short what, void *arg)
{
	struct agent *agent = arg;

	(void)fd;
	(void)what;
	shoal_cluster_dispatch(agent->cluster);
	if (!agent->left && shoal_cluster_failure(agent->cluster) != 0) {
		agent->failure = cli_copy(shoal_last_error());
		event_base_loopbreak(agent->base);
	}
}

static void
on_joined(struct shoal_cluster *cluster, int code, const char *text, size_t reached, void *arg)
{
	const struct agent *agent = arg;

	(void)cluster;
	if (code == SHOAL_ERR_CANCELED) { /* it leaves or stops: nothing is tried again */
		return;
	}
	if (code == 0 && reached == 0) {
		cli_log(SHOAL_LOG_INFO, "every seed is this member itself: waiting for others");
	} else if (code == 0) {
		cli_log(SHOAL_LOG_INFO, "joined through %zu of %zu seeds", reached,
		        agent->config.seed_count);
	} else {
		cli_log(SHOAL_LOG_WARN, "not joined yet, trying again in the background: %s", text);
	}
}

static struct event *
add_event(struct agent *agent, evutil_socket_t fd, short what, event_callback_fn fn)
{
	struct event *event = event_new(agent->base, fd, (short)(what | EV_PERSIST), fn, agent);

	if (event != NULL && event_add(event, NULL) < 0) {
		event_free(event);
		return NULL;
	}
	return event;
}

static void
on_libevent_log(int severity, const char *text)
{
	cli_log(severity >= EVENT_LOG_ERR ? SHOAL_LOG_ERROR : SHOAL_LOG_DEBUG, "libevent: %s",
	        text);
}

/* Signals first: from the moment that the member is bound it shall leave gracefully. */
static int
make_loop(struct agent *agent)
{
	signal(SIGPIPE, SIG_IGN);
	event_set_log_callback(on_libevent_log);
	agent->base = event_base_new();
	if (agent->base == NULL) {
		return cli_error("cannot make an event loop");
	}
	agent->sigint = add_event(agent, SIGINT, EV_SIGNAL, on_signal);
	agent->sigterm = add_event(agent, SIGTERM, EV_SIGNAL, on_signal);
	agent->sighup = add_event(agent, SIGHUP, EV_SIGNAL, on_hangup);
	if (agent->sigint == NULL || agent->sigterm == NULL || agent->sighup == NULL) {
		return cli_error("cannot watch for signals");
	}
	return CLI_DONE;
}

/* Every stream needs a descriptor. A limit that cannot be raised is met in use: streams are then
 * refused and counted. */
static void
raise_file_limit(const struct agent *agent)
{
	rlim_t wanted = (rlim_t)agent->config.shoal.connections_max + OWN_FILES;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted) {
		return;
	}
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < wanted) {
		cli_log(SHOAL_LOG_WARN,
		        "the limit of open files is below the %llu that connections_max needs: "
		        "raise it (ulimit -n)",
		        (unsigned long long)wanted);
	}
}

static int
begin_join(struct agent *agent)
{
	return shoal_cluster_join_async(agent->cluster, agent->config.seeds,
	        agent->config.seed_count, JOIN_TIMEOUT_MS, on_joined, agent);
}

/* Said before the start, so that the first word of the member has it. */
static int
set_meta(struct agent *agent)
{
	const struct cli_setting *setting;
	size_t i;

	for (i = 0; (setting = cli_option_at(agent->config.options, "meta", i)) != NULL; i++) {
		char *key = cli_copy(setting->value), *value = strchr(key, '=') + 1;
		int rc;

		value[-1] = '\0';
		rc = shoal_meta_set_str(agent->cluster, key, value);
		free(key);
		if (rc < 0) {
			return cli_usage(
			        &cli_agent_command, "%s: %s", setting->origin, shoal_last_error());
		}
	}
	return CLI_DONE;
}

static int
start_cluster(struct agent *agent)
{
	int rc, end;

	rc = shoal_cluster_new(&agent->cluster, &agent->config.shoal);
	cli_environ_wipe_keys();
	if (rc < 0) {
		return cli_error("%s", shoal_last_error());
	}
	end = set_meta(agent);
	if (end != CLI_DONE) {
		return end;
	}
	agent->requests = cli_requests_new(agent->base, agent->cluster, agent->config.options);
	if (agent->requests == NULL) {
		return cli_error("--on-request: %s", shoal_last_error());
	}
	rc = shoal_cluster_start(agent->cluster);
	if (rc < 0) {
		bool bind = rc == SHOAL_ERR_IN_USE &&
		            strncmp(shoal_last_error(), "state_dir", strlen("state_dir")) != 0;
		return cli_error("%s%s", bind ? "--bind: " : "", shoal_last_error());
	}
	agent->callbacks =
	        add_event(agent, shoal_cluster_fd(agent->cluster), EV_READ, on_callbacks);
	return agent->callbacks == NULL ? cli_error("cannot watch the cluster") : CLI_DONE;
}

static int
open_control(struct agent *agent)
{
	const char *path = agent->config.socket;
	char default_path[CLI_SOCKET_PATH_MAX];
	struct shoal_member *self;
	int end = CLI_DONE;

	if (agent->handover.control >= 0) {
		agent->control.fd = agent->handover.control;
		return CLI_DONE;
	}
	if (path == NULL) {
		self = shoal_cluster_self(agent->cluster);
		end = cli_socket_path_of(shoal_member_name(self), default_path);
		shoal_member_unref(self);
		path = default_path;
	}
	return end != CLI_DONE
	               ? end
	               : cli_control_socket_open(&agent->control, path, agent->config.socket_group);
}

static int
serve(struct agent *agent)
{
	int end = open_control(agent);

	if (end != CLI_DONE) {
		return end;
	}
	agent->public_fd = agent->handover.http;
	if (agent->public_fd < 0 && agent->config.http != NULL) {
		agent->public_fd = cli_http_listen(agent->config.http);
		if (agent->public_fd < 0) {
			return CLI_FAILED;
		}
	}
	agent->reload = cli_reload_new(agent->cluster, &agent->config);
	agent->http = cli_http_new(agent->base, agent->cluster, agent->control.fd, agent->public_fd,
	        &(struct cli_http_agent){.leave = leave,
	                .reload = reload,
	                .arg = agent,
	                .lent = agent->handover.control >= 0});
	if (agent->config.on_event != NULL) {
		agent->hook = cli_hook_new(agent->base, agent->cluster, agent->config.on_event);
	}
	return agent->http == NULL || (agent->config.on_event != NULL && agent->hook == NULL)
	               ? cli_error("cannot serve the control socket: out of memory")
	               : CLI_DONE;
}

static int
join(struct agent *agent)
{
	if (agent->config.seed_count == 0 || begin_join(agent) == 0) {
		return CLI_DONE;
	}
	return cli_error("--%s", shoal_last_error());
}

/* Tells whoever started this agent that it is there. */
static int
say_ready(struct agent *agent)
{
	struct shoal_member *self = shoal_cluster_self(agent->cluster);
	char id[SHOAL_ID_TEXT], address[SHOAL_URL_TEXT];
	int end;

	if (shoal_cluster_address(agent->cluster, address, sizeof(address)) < 0) {
		end = cli_error("%s", shoal_last_error());
	} else {
		shoal_id_print(shoal_member_id(self), id);
		printf("shoal: ready name=%s id=%s address=%s\n", shoal_member_name(self), id,
		        address);
		end = cli_flush();
		cli_notify("READY=1");
	}
	shoal_member_unref(self);
	return end;
}

static int
live(struct agent *agent)
{
	int end;

	cli_log_set(agent->config.log_form, agent->config.shoal.log_level);
	cli_environ_warn(agent->config.options->command);
	raise_file_limit(agent);
	end = make_loop(agent);
	if (end == CLI_DONE) {
		end = start_cluster(agent);
	}
	if (end == CLI_DONE) {
		end = serve(agent);
	}
	if (end == CLI_DONE) {
		end = say_ready(agent);
	}
	if (end == CLI_DONE) {
		end = join(agent);
	}
	if (end != CLI_DONE) {
		return end;
	}
	event_base_dispatch(agent->base);
	return agent->end;
}

static void
take_down(struct agent *agent)
{
	shoal_cluster_free(agent->cluster);
	cli_http_free(agent->http);
	cli_hook_free(agent->hook);
	cli_requests_free(agent->requests);
	if (agent->public_fd >= 0) {
		close(agent->public_fd);
	}
	cli_control_socket_close(&agent->control);
	if (agent->callbacks != NULL) {
		event_free(agent->callbacks);
	}
	if (agent->sigint != NULL) {
		event_free(agent->sigint);
	}
	if (agent->sigterm != NULL) {
		event_free(agent->sigterm);
	}
	if (agent->sighup != NULL) {
		event_free(agent->sighup);
	}
	if (agent->base != NULL) {
		event_base_free(agent->base);
	}
	cli_reload_free(agent->reload);
	cli_agent_config_free(&agent->config);
}

static int
run(struct cli_options *options)
{
	struct agent agent = {
	        .end = CLI_FAILED, .control = {.fd = -1, .lock = -1}, .public_fd = -1};
	int end = cli_agent_config_make(&agent.config, options);

	if (end < 0 && cli_handover_take(&agent.handover) != CLI_DONE) {
		end = CLI_FAILED;
	}
	if (end < 0) {
		end = live(&agent);
	}
	take_down(&agent);
	if (agent.failure != NULL) { /* behind all that the last callbacks log: the last line */
		end = cli_error("%s", agent.failure);
		free(agent.failure);
	}
	return end;
}

static const struct cli_option agent_options[] = {
        {"name", "NAME", "The member's name. Default: the text of its id.", CLI_VALUE, true},
        {"id", "ID",
                "The member's id, a UUID. Default: that of --state-dir, else made from the name.",
                CLI_VALUE, true},
        {"bind", "ADDR",
                "Address to listen on, as 127.0.0.1:7946 or [::1]:7946 for UDP and TCP, or one "
                "URL, as http://127.0.0.1:8001/gossip, or both; with port 0 the kernel chooses "
                "one. Default: 127.0.0.1:7946.",
                CLI_LIST, true},
        {"advertise", "ADDR", "Address or URL that others shall use. Default: what was bound.",
                CLI_LIST, true},
        {"transport", "NAME",
                "What --bind must be for: socket (UDP and TCP), tcp (streams only) or http. "
                "Default: whatever it names.",
                CLI_VALUE, true},
        {"token-file", "FILE",
                "A file of mode 0600 with the token that requests of members at URLs must have; "
                "all have the same. The variable SHOAL_TOKEN holds a token itself.",
                CLI_VALUE, false},
        {"join", "ADDR",
                "A member to join through, as ADDRESS:PORT, HOST:PORT or URL, or as srv+NAME by "
                "the SRV records of _shoal._tcp.NAME. The agent stays up when none answers, and "
                "tries again.",
                CLI_LIST, false},
        {"allow", "CIDR",
                "Only members with addresses in these ranges are taken, as 10.0.0.0/8 or fd00::/8. "
                "Default: all.",
                CLI_LIST, true},
        {"label", "TEXT", "Members of another label are not understood.", CLI_VALUE, true},
        {"tag", "TAG", "A tag of the member; see 'shoal tag'.", CLI_LIST, true},
        {"meta", "KEY=VALUE", "What the member says of itself; see 'shoal meta'.", CLI_LIST, false},
        {"profile", "PROFILE", "The protocol's numbers: lan, wan or local. Default: lan.",
                CLI_VALUE, true},
        {"state-dir", "DIR",
                "Keep the member's id and the members that it knows in this directory, so that a "
                "restart is the same member and needs no --join.",
                CLI_VALUE, true},
        {"watch-links", "N",
                "Members that each member is watched by over a connection, so that a killed process "
                "is known at once; 0: none. Default: the profile's, 3 or (wan) 0.",
                CLI_VALUE, true},
        {"record", "FILE",
                "Keep what comes in, for 'shoal replay FILE': the newest 32 to 64 MiB (record_bytes) "
                "in FILE and FILE.1.",
                CLI_VALUE, true},
        {"keyring", "FILE",
                "Seal what is sent with the first key in FILE (- is standard input; mode 0600, "
                "keys as 'shoal keygen' prints them, one a line) and take only what is sealed "
                "with one of them. The variable SHOAL_KEY holds keys themselves, with commas "
                "between.",
                CLI_VALUE, true},
        {"tls", NULL,
                "TLS on all streams over TCP, with the certificate of --tls-cert. All members have "
                "it, or none.",
                CLI_FLAG, true},
        {"tls-cert", "FILE",
                "This member's certificate (PEM), with those between it and its authority. 'shoal "
                "reload' reads these files again.",
                CLI_VALUE, true},
        {"tls-key", "FILE", "Its key (PEM), mode 0600.", CLI_VALUE, true},
        {"tls-ca", "FILE",
                "Whose certificates are trusted (PEM). Default: the authorities of this machine.",
                CLI_VALUE, true},
        {"tls-name", "NAME",
                "The name that all members' certificates have. Default: each has its own addresses.",
                CLI_VALUE, true},
        {"tls-client-certs", NULL,
                "Who dials this member must have a certificate of --tls-ca, too.", CLI_FLAG, true},
        {"tls-insecure", NULL, "Take any certificate: for tests.", CLI_FLAG, true},
        {"codec", "NAME",
                "What packets are written in: binary, msgpack or json. All members have the same. "
                "Default: binary.",
                CLI_VALUE, true},
        {"on-event", "PROGRAM",
                "Run this program for each member event, one at a time: $SHOAL_EVENT, "
                "$SHOAL_MEMBER, and the members as JSON on its standard input.",
                CLI_VALUE, false},
        {"on-request", "TYPE=PROGRAM",
                "Run this program for each request of this type: what was sent is its standard "
                "input, what it prints the reply.",
                CLI_LIST, false},
        {"set", "KEY=VALUE", "One field of the configuration; see below.", CLI_LIST, false},
        {"insecure", NULL, "Allow an address beyond this machine without keys.", CLI_FLAG, false},
        {"socket", "PATH",
                "The control socket. Default: shoal-NAME.sock in $XDG_RUNTIME_DIR or /run.",
                CLI_VALUE, false},
        {"socket-group", "GROUP", "Open the control socket to this group.", CLI_VALUE, false},
        {"http", "ADDR",
                "Serve on this TCP address too what the control socket serves, to read only and to "
                "anybody who reaches it: members, events, /metrics, /health.",
                CLI_VALUE, false},
        {"log-level", "LEVEL", "error, warn, info or debug. Default: info.", CLI_VALUE, true},
        {"log-format", "FORMAT", "text or json, on standard error. Default: text.", CLI_VALUE,
                false},
        {"config", "FILE",
                "A JSON object with the KEYs and the options but set, config and help, '_' in "
                "them for '-'.",
                CLI_VALUE, false},
        CLI_HELP_ROW,
        CLI_END_ROW,
};

const struct cli_command cli_agent_command = {
        .name = "agent",
        .operands = "",
        .summary = "Run a member until it is told to leave",
        .about =
                "Runs a member of the cluster in the foreground. Prints one line when it is ready, "
                "'shoal: ready name=NAME id=ID address=ADDR', and logs to standard error. SIGINT or "
                "SIGTERM leave the cluster; a second one stops at once, but the same one within "
                "300 ms counts as the first. SIGHUP reads --config again, as 'shoal reload' does. Each option but set and help may also be given as a "
                "variable (SHOAL_LOG_LEVEL for --log-level) or in the file of --config; each KEY "
                "too. A flag is stronger than a variable, a variable than the file.",
        .options = agent_options,
        .run = run,
        .rows_title = "KEYs of --set beside the options above: app_version, connections_max, "
                      "idle_timeout_ms, events_max, history_max, record_bytes, record_redact, "
                      "state_interval_ms, seed, accept_clear, accept_unlabelled, accept_for_ms, "
                      "compress_min, coalesce_ms, log_rate, dns, family, and "
                      "these, with their value in the profile lan:",
        .rows = cli_agent_config_rows,
};
