/* SPDX-License-Identifier: MIT */
/* A program outside the tree, with what was installed alone: two members find each other, say what
 * they are, one finds the other by that, they send, ask and answer, and change their key. Prints a
 * line for each; exit status 1 at the first that fails. */
#include <shoal/shoal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NEWS  128
#define STOCK 129
#define LONG  30000

static atomic_int heard, rotated;
static uint64_t former;
static struct shoal_key fresh;

static void
check(const char *what, int ok)
{
	printf("%s: %s\n", what, ok ? "ok" : shoal_last_error());
	if (!ok)
		exit(1);
}

static void
wait_for(const char *what, atomic_int *flag)
{
	for (int i = 0; i < LONG / 10 && atomic_load(flag) == 0; i++)
		usleep(10000);
	check(what, atomic_load(flag) != 0);
}

static void
on_news(struct shoal_cluster *cluster, const struct shoal_message *message, void *arg)
{
	(void)cluster, (void)arg;
	if (shoal_message_len(message) == 8 &&
	        memcmp(shoal_message_data(message), "apples 3", 8) == 0)
		atomic_store(&heard, 1);
}

static void
on_stock(struct shoal_cluster *cluster, const struct shoal_message *message, uint64_t ticket,
        void *arg)
{
	(void)message, (void)arg;
	shoal_reply(cluster, ticket, 0, "7", 1);
}

static void
on_removed(struct shoal_cluster *cluster, int code, const char *text, size_t members, void *arg)
{
	(void)cluster, (void)text, (void)arg;
	atomic_store(&rotated, code == 0 && members == 2);
}

static void
on_used(struct shoal_cluster *cluster, int code, const char *text, size_t members, void *arg)
{
	(void)text, (void)members, (void)arg;
	if (code == 0)
		shoal_cluster_keys_order(
		        cluster, SHOAL_KEY_REMOVE, NULL, former, NULL, on_removed, NULL);
}

static void
on_installed(struct shoal_cluster *cluster, int code, const char *text, size_t members, void *arg)
{
	(void)text, (void)members, (void)arg;
	if (code == 0)
		shoal_cluster_keys_order(
		        cluster, SHOAL_KEY_USE, NULL, shoal_key_name(&fresh), NULL, on_used, NULL);
}

static struct shoal_cluster *
start(const char *name, const struct shoal_key *key)
{
	struct shoal_config config;
	struct shoal_cluster *cluster;

	shoal_config_init(&config);
	config.name = name;
	config.bind = "127.0.0.1:0";
	config.keys = key;
	config.key_count = 1;
	check("new", shoal_cluster_new(&cluster, &config) == 0);
	check("start", shoal_cluster_start(cluster) == 0);
	return cluster;
}

static struct shoal_id
find_backend(struct shoal_cluster *cluster)
{
	struct shoal_filter backends;
	struct shoal_id id = {{0}};

	shoal_filter_init(&backends);
	backends.states = 1 << SHOAL_STATE_ALIVE;
	backends.criteria = "role=backend,serves";
	for (int i = 0; i < LONG / 10; i++) {
		struct shoal_member_list *list = shoal_members(cluster, &backends);
		if (shoal_member_list_count(list) == 1)
			id = *shoal_member_id(shoal_member_list_at(list, 0));
		shoal_member_list_free(list);
		if (!shoal_id_is_zero(&id))
			break;
		usleep(10000);
	}
	check("filtered discovery", !shoal_id_is_zero(&id));
	return id;
}

int
main(void)
{
	struct shoal_key key = {.len = 32, .bytes = {1}};
	char address[SHOAL_ADDR_TEXT], stock[8] = "";
	const char *seed = address;
	size_t len = 0;

	fresh = (struct shoal_key){.len = 32, .bytes = {2}};
	former = shoal_key_name(&key);
	struct shoal_cluster *backend = start("backend", &key), *client = start("client", &key);
	check("handlers", shoal_handle(backend, NEWS, on_news, NULL) == 0 &&
	                          shoal_handle_request(backend, STOCK, on_stock, NULL) == 0);
	check("metadata", shoal_meta_set_str(backend, "role", "backend") == 0 &&
	                          shoal_meta_set_str(backend, "serves", "127.0.0.1:80") == 0);
	check("address", shoal_cluster_address(backend, address, sizeof(address)) == 0);
	check("join", shoal_cluster_join(client, &seed, 1, LONG, NULL) == 0 &&
	                      shoal_wait_members(client, 2, LONG) == 0);
	struct shoal_id id = find_backend(client);
	check("broadcast", shoal_broadcast(client, NEWS, "apples 3", 8, SHOAL_RELIABLE) == 0);
	wait_for("which is heard", &heard);
	check("request and reply", shoal_request_wait(client, &id, STOCK, "apples", 6, LONG, stock,
	                                   sizeof(stock), &len) == 0 &&
	                                   len == 1 && stock[0] == '7');
	check("key rotation", shoal_cluster_keys_order(client, SHOAL_KEY_INSTALL, &fresh, 0, NULL,
	                              on_installed, NULL) == 0);
	wait_for("to its end", &rotated);
	check("leave", shoal_cluster_leave(client, 0) == 0);
	check("free", shoal_cluster_free(client) == 0 && shoal_cluster_free(backend) == 0);
	return 0;
}
