/* SPDX-License-Identifier: MIT */
/* The control socket of an agent, and its JSON file. The agent's server is the real one, on sockets
 * of this process, before one of two members on a memory network, sealed, so that orders and
 * messages have somebody to go to. Names are not looked up: a join is judged and not done. */
#include "agent.h"

#include "agent_config.h"
#include "agent_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TURNS   12
#define MEMBERS 2
#define TYPE    200

/* In the place of the library's (the linker's --wrap). */
int __wrap_shoal_cluster_join_async(struct shoal_cluster *cluster, const char *const *addrs,
        size_t n, unsigned timeout_ms, shoal_done_fn fn, void *arg);
int __real_shoal_cluster_join_async(struct shoal_cluster *cluster, const char *const *addrs,
        size_t n, unsigned timeout_ms, shoal_done_fn fn, void *arg);

static struct event_base *base;
static struct shoal_cluster *members[MEMBERS];
static struct cli_http *http;
static struct sockaddr_un doors[2];
static bool up;

/* In the place of that of main.c: the commands that variables may be for. */
const struct cli_command *
cli_command_at(size_t i)
{
	return i == 0 ? &cli_agent_command : NULL;
}

int
__wrap_shoal_cluster_join_async(struct shoal_cluster *cluster, const char *const *addrs, size_t n,
        unsigned timeout_ms, shoal_done_fn fn, void *arg)
{
	int rc = shoal_seeds_check(addrs, n);

	if (!up) {
		return __real_shoal_cluster_join_async(cluster, addrs, n, timeout_ms, fn, arg);
	}
	if (rc == 0) {
		fn(cluster, 0, "", n, arg);
	}
	return rc;
}

static void
turn(void)
{
	for (unsigned i = 0; i < TURNS; i++) {
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
	}
}

static void
on_asked(struct shoal_cluster *cluster, const struct shoal_message *message, uint64_t ticket,
        void *arg)
{
	(void)arg;
	(void)shoal_reply(
	        cluster, ticket, 0, shoal_message_data(message), shoal_message_len(message));
}

static int
refuse_leave(unsigned timeout_ms, void *arg)
{
	(void)timeout_ms;
	(void)arg;
	return SHOAL_ERR_STATE;
}

static json_t *
refuse_reload(char why[CLI_RELOAD_TEXT], void *arg)
{
	(void)arg;
	snprintf(why, CLI_RELOAD_TEXT, "not here");
	return NULL;
}

static int
open_door(struct sockaddr_un *name, char letter)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	*name = (struct sockaddr_un){.sun_family = AF_UNIX};
	/* No file: the name begins with a zero. */
	snprintf(name->sun_path + 1, sizeof(name->sun_path) - 1, "shoal-fuzz-%d-%c", (int)getpid(),
	        letter);
	fuzz_expect(fd >= 0 && bind(fd, (const struct sockaddr *)name, sizeof(*name)) == 0 &&
	            listen(fd, 16) == 0);
	return fd;
}

static void
make_member(struct shoal_memory_net *net, size_t i)
{
	static const struct shoal_key key = {.len = 32, .bytes = {1, 2, 3}};
	struct shoal_transport memory;
	struct shoal_config config;
	char name[16];

	snprintf(name, sizeof(name), "m%zu", i);
	shoal_config_init(&config);
	config.name = name;
	config.bind = i == 0 ? "10.0.0.1:7946" : "10.0.0.2:7946";
	config.run = SHOAL_RUN_BASE;
	config.base = base;
	config.transports = &memory;
	config.transport_count = 1;
	config.keys = &key;
	config.key_count = 1;
	config.seed = i + 1;
	fuzz_expect(shoal_transport_memory(&memory, net) == 0);
	fuzz_expect(shoal_cluster_new(&members[i], &config) == 0);
	fuzz_expect(shoal_handle_request(members[i], TYPE, on_asked, NULL) == 0);
	fuzz_expect(shoal_cluster_start(members[i]) == 0);
}

static void
on_joined(struct shoal_cluster *cluster, int code, const char *text, size_t reached, void *arg)
{
	(void)cluster;
	(void)text;
	(void)reached;
	fuzz_expect(code == 0);
	*(bool *)arg = true;
}

static void
begin(void)
{
	static const char *const seed[] = {"10.0.0.1:7946"};
	const struct cli_http_agent agent = {.leave = refuse_leave, .reload = refuse_reload};
	struct shoal_memory_net *net;
	int control, public;

	if (base != NULL) {
		return;
	}
	base = event_base_new();
	fuzz_expect(base != NULL && shoal_memory_net_new(&net, NULL) == 0);
	cli_log_set(CLI_LOG_TEXT, SHOAL_LOG_ERROR);
	for (size_t i = 0; i < MEMBERS; i++) {
		make_member(net, i);
	}
	fuzz_expect(shoal_cluster_join_async(members[1], seed, 1, 60000, on_joined, &up) == 0);
	while (!up) {
		(void)event_base_loop(base, EVLOOP_ONCE);
	}
	control = open_door(&doors[0], 'c');
	public = open_door(&doors[1], 'p');
	http = cli_http_new(base, members[0], control, public, &agent);
	fuzz_expect(http != NULL);
}

void
fuzz_control(bool reads_only, uint8_t cut, const uint8_t *data, size_t size)
{
	const struct sockaddr_un *door;
	char head[9] = "";
	size_t came;
	int fd;

	begin();
	door = &doors[reads_only];
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	fuzz_expect(fd >= 0);
	if (connect(fd, (const struct sockaddr *)door, sizeof(*door)) == 0) {
		came = fuzz_talk(fd, data, size, size / 64 > cut ? UINT8_MAX : cut, turn, head,
		        sizeof(head) - 1);
		fuzz_expect(came < sizeof(head) || memcmp(head, "HTTP/", 5) == 0);
	}
	close(fd);
	turn();
}

void
fuzz_config_file(const uint8_t *data, size_t size)
{
	struct cli_options options = {.command = &cli_agent_command};
	struct cli_agent_config config;
	char path[40], complaint[1024];
	int fd = memfd_create("config", MFD_CLOEXEC), end;

	fuzz_expect(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	cli_options_add(&options, CLI_FROM_FLAG, "config", path, "--config");
	cli_catch(complaint, sizeof(complaint));
	end = cli_agent_config_make(&config, &options);
	cli_catch(NULL, 0);
	fuzz_expect((end < 0) == (complaint[0] == '\0'));
	fuzz_expect(end >= 0 || shoal_config_check(&config.shoal) == 0);
	cli_agent_config_free(&config);
	cli_options_free(&options);
	close(fd);
}
