/* SPDX-License-Identifier: MIT */
/* HTTP over the control socket, by libcurl. Everything runs on one multi handle, so that a signal
 * ends any wait and a request can be made while the stream of events stays open. */
#include "client.h"

#include "json_text.h"
#include "socket_path.h"
#include "text.h"

#include <curl/curl.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define ANSWER_MAX      ((size_t)1 << 30)
#define CONNECT_MS      5000L
#define ANSWER_MS       30000U
#define POLL_MS         1000
#define HTTP_OK         200
#define HTTP_FAILED_MIN 400

struct buffer {
	char *bytes;
	size_t len, capacity;
};

struct transfer {
	CURL *easy; /* NULL: not running */
	bool done;
	CURLcode code;
	struct buffer answer; /* of a request, or of a stream that was refused */
};

struct cli_client {
	char path[CLI_SOCKET_PATH_MAX];
	CURLM *multi;
	int signals; /* -1: they end the process */
	struct transfer request, stream;
	struct cli_sse sse;
	char events[96]; /* the target of the stream */
	cli_client_partly_fn partly;
};

static int
watch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0) {
		return -1;
	}
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int
cli_client_new(struct cli_client **client, const struct cli_options *options, bool signals)
{
	struct cli_client *made = cli_alloc(1, sizeof(*made));

	int end;

	made->signals = -1;
	cli_client_choose(made, "");
	end = cli_socket_path_find(options, made->path);
	if (end != CLI_DONE) {
		free(made);
		return end;
	}
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 ||
	        (made->multi = curl_multi_init()) == NULL) {
		free(made);
		return cli_error("cannot start libcurl");
	}
	if (signals && (made->signals = watch_signals()) < 0) {
		cli_client_free(made);
		return cli_error("cannot watch for signals: %s", strerror(errno));
	}
	*client = made;
	return CLI_DONE;
}

static void
drop(struct cli_client *client, struct transfer *transfer)
{
	if (transfer->easy != NULL) {
		curl_multi_remove_handle(client->multi, transfer->easy);
		curl_easy_cleanup(transfer->easy);
	}
	free(transfer->answer.bytes);
	memset(transfer, 0, sizeof(*transfer));
}

void
cli_client_free(struct cli_client *client)
{
	drop(client, &client->request);
	drop(client, &client->stream);
	cli_sse_free(&client->sse);
	if (client->signals >= 0) {
		close(client->signals);
	}
	curl_multi_cleanup(client->multi);
	curl_global_cleanup();
	free(client);
}

const char *
cli_client_path(const struct cli_client *client)
{
	return client->path;
}

static size_t
keep(struct buffer *buffer, const char *bytes, size_t n)
{
	if (n > ANSWER_MAX - buffer->len) {
		return 0;
	}
	if (buffer->len + n > buffer->capacity) {
		buffer->capacity = (buffer->len + n) * 2;
		buffer->bytes = cli_grow(buffer->bytes, buffer->capacity, 1);
	}
	memcpy(buffer->bytes + buffer->len, bytes, n);
	buffer->len += n;
	return n;
}

static size_t
on_answer(char *bytes, size_t size, size_t n, void *arg)
{
	struct cli_client *client = arg;
	struct buffer *answer = &client->request.answer;
	size_t kept = keep(answer, bytes, size * n);

	if (client->partly != NULL && kept > 0) {
		client->partly(answer->bytes, answer->len);
	}
	return kept;
}

static size_t
on_stream(char *bytes, size_t size, size_t n, void *arg)
{
	struct cli_client *client = arg;
	long status = 0;

	curl_easy_getinfo(client->stream.easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != HTTP_OK) {
		return keep(&client->stream.answer, bytes, size * n);
	}
	return cli_sse_feed(&client->sse, bytes, size * n) ? size * n : 0;
}

static int
begin(struct cli_client *client, struct transfer *transfer, const char *target)
{
	char *url = cli_format("http://localhost%s", target);

	drop(client, transfer);
	transfer->easy = curl_easy_init();
	if (transfer->easy == NULL) {
		free(url);
		return cli_error("cannot start libcurl");
	}
	curl_easy_setopt(transfer->easy, CURLOPT_URL, url);
	curl_easy_setopt(transfer->easy, CURLOPT_UNIX_SOCKET_PATH, client->path);
	curl_easy_setopt(transfer->easy, CURLOPT_PROXY, ""); /* whatever $http_proxy says */
	curl_easy_setopt(transfer->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(transfer->easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(transfer->easy, CURLOPT_FORBID_REUSE, 1L);
	free(url);
	return CLI_DONE;
}

static void
collect(struct cli_client *client)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
		struct transfer *transfer = message->easy_handle == client->request.easy
		                                    ? &client->request
		                                    : &client->stream;

		if (message->msg != CURLMSG_DONE) {
			continue;
		}
		transfer->done = true;
		transfer->code = message->data.result;
	}
}

/* One turn of what goes on: waits at most timeout_ms for bytes or a signal, then moves them. false:
 * a signal came. */
static bool
turn(struct cli_client *client, int timeout_ms)
{
	struct curl_waitfd wait = {.fd = client->signals, .events = CURL_WAIT_POLLIN};
	struct signalfd_siginfo info;
	int running;

	curl_multi_poll(client->multi, client->signals < 0 ? NULL : &wait,
	        client->signals < 0 ? 0 : 1, timeout_ms, NULL);
	curl_multi_perform(client->multi, &running);
	collect(client);
	return client->signals < 0 ||
	       read(client->signals, &info, sizeof(info)) != (ssize_t)sizeof(info);
}

static int
complain_unreached(const struct cli_client *client, const struct transfer *transfer)
{
	int error;

	if (transfer->code == CURLE_COULDNT_CONNECT) {
		error = cli_socket_path_probe(client->path);
		if (error == EACCES) {
			return cli_error(
			        "%s: permission denied: run this as the user of the agent, or "
			        "start the agent with --socket-group",
			        client->path);
		}
		if (error == 0) { /* it listens, but its backlog was full */
			return cli_error("the agent at %s is busy: try again", client->path);
		}
		return cli_error("no agent answers at %s: %s: start it with 'shoal agent', or give "
		                 "another --socket",
		        client->path, strerror(error));
	}
	if (transfer->code == CURLE_OPERATION_TIMEDOUT) {
		return cli_error("the agent at %s did not answer in time: it is busy or stopped",
		        client->path);
	}
	return cli_error(
	        "the agent at %s broke off: %s", client->path, curl_easy_strerror(transfer->code));
}

/* Takes the answer of a transfer that is over; NULL *document: it was no JSON. */
static int
judge(const struct cli_client *client, const struct transfer *transfer, json_t **document)
{
	json_error_t error;
	long status = 0;
	int end = CLI_DONE;

	*document = NULL;
	if (transfer->code != CURLE_OK) {
		return complain_unreached(client, transfer);
	}
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	*document = json_loadb(transfer->answer.bytes == NULL ? "" : transfer->answer.bytes,
	        transfer->answer.len, 0, &error);
	if (status >= HTTP_FAILED_MIN) {
		const char *text = cli_json_text(*document, "error");

		end = text[0] == '\0' ? cli_error("the agent answered with HTTP status %ld", status)
		                      : cli_error("%s", text);
	} else if (*document == NULL) {
		end = cli_error("the agent's answer is no JSON: %s", error.text);
	}
	if (end != CLI_DONE) {
		json_decref(*document);
		*document = NULL;
	}
	return end;
}

static int
run(struct cli_client *client, json_t **document)
{
	struct transfer *request = &client->request;
	int end;

	curl_easy_setopt(request->easy, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(request->easy, CURLOPT_WRITEDATA, client);
	curl_multi_add_handle(client->multi, request->easy);
	while (!request->done) {
		if (!turn(client, POLL_MS)) {
			drop(client, request);
			return CLI_CLIENT_INTERRUPTED;
		}
	}
	end = judge(client, request, document);
	drop(client, request);
	return end;
}

int
cli_client_get(struct cli_client *client, const char *target, json_t **document)
{
	if (begin(client, &client->request, target) != CLI_DONE) {
		return CLI_FAILED;
	}
	curl_easy_setopt(client->request.easy, CURLOPT_TIMEOUT_MS, (long)ANSWER_MS);
	return run(client, document);
}

int
cli_client_post(struct cli_client *client, const char *target, const json_t *body,
        unsigned timeout_ms, json_t **document)
{
	struct curl_slist *type;
	char *text;
	int end;

	if (begin(client, &client->request, target) != CLI_DONE) {
		return CLI_FAILED;
	}
	text = json_dumps(body, JSON_COMPACT);
	type = curl_slist_append(NULL, "Content-Type: application/json");
	curl_easy_setopt(client->request.easy, CURLOPT_HTTPHEADER, type);
	curl_easy_setopt(client->request.easy, CURLOPT_COPYPOSTFIELDS, text == NULL ? "" : text);
	curl_easy_setopt(client->request.easy, CURLOPT_TIMEOUT_MS, (long)(timeout_ms + ANSWER_MS));
	end = run(client, document);
	curl_slist_free_all(type);
	free(text);
	return end;
}

void
cli_client_watch(struct cli_client *client, cli_client_partly_fn partly)
{
	client->partly = partly;
}

void
cli_client_choose(struct cli_client *client, const char *query)
{
	snprintf(client->events, sizeof(client->events), "/v1/events%s", query);
}

int
cli_client_follow(struct cli_client *client)
{
	cli_sse_free(&client->sse);
	if (begin(client, &client->stream, client->events) != CLI_DONE) {
		return CLI_FAILED;
	}
	curl_easy_setopt(client->stream.easy, CURLOPT_WRITEFUNCTION, on_stream);
	curl_easy_setopt(client->stream.easy, CURLOPT_WRITEDATA, client);
	curl_multi_add_handle(client->multi, client->stream.easy);
	return CLI_DONE;
}

int
cli_client_follow_again(struct cli_client *client, bool *lagged)
{
	if (!*lagged) {
		return cli_error("the agent at %s has ended", cli_client_path(client));
	}
	*lagged = false;
	return cli_client_follow(client);
}

static enum cli_client_turn
ended(const struct cli_client *client)
{
	json_t *document = NULL;
	long status = 0;

	curl_easy_getinfo(client->stream.easy, CURLINFO_RESPONSE_CODE, &status);
	if (status == HTTP_OK && client->stream.code != CURLE_WRITE_ERROR) {
		return CLI_CLIENT_CLOSED; /* whether it said goodbye or was killed */
	}
	judge(client, &client->stream, &document);
	json_decref(document);
	return CLI_CLIENT_COMPLAINED;
}

enum cli_client_turn
cli_client_next(struct cli_client *client, int timeout_ms, struct cli_sse_event *event)
{
	uint64_t end = cli_text_boot_ms() + (uint64_t)(timeout_ms < 0 ? 0 : timeout_ms);

	for (;;) {
		uint64_t now = cli_text_boot_ms();
		int wait = timeout_ms < 0 || end - now > POLL_MS ? POLL_MS : (int)(end - now);

		if (cli_sse_next(&client->sse, event)) {
			return CLI_CLIENT_EVENT;
		}
		if (client->stream.done) {
			return ended(client);
		}
		if (timeout_ms >= 0 && now >= end) {
			return CLI_CLIENT_TIMEOUT;
		}
		if (!turn(client, wait)) {
			return CLI_CLIENT_SIGNAL;
		}
	}
}
