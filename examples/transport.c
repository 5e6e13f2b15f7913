/* SPDX-License-Identifier: MIT */
/* A transport of the application's own: one around another one, which loses every tenth datagram.
 *
 *     transport NAME ADDRESS [SEED]...
 *
 * A transport is a table of functions. Here all but four of them are those of UDP; one that carries
 * datagrams over something else has the same shape. A line of standard input asks what was lost. */
#include <shoal/shoal.h>

#include <stdatomic.h>
#include <stdio.h>

static struct shoal_transport udp;
static atomic_uint sent, lost; /* the loop's thread counts, main prints */

static int
lossy_start(void *self, const struct shoal_transport_env *env, char *why, size_t len)
{
	(void)self;
	return udp.ops->start(udp.self, env, why, len); /* what comes in goes to env->host */
}

static int
lossy_address(const void *self, size_t i, struct shoal_addr *addr)
{
	(void)self;
	return udp.ops->address(udp.self, i, addr);
}

static int
lossy_send(void *self, const struct shoal_addr *to, const uint8_t *data, size_t len)
{
	(void)self;
	if (++sent % 10 == 0) {
		++lost;
		return 0; /* loss is no error */
	}
	return udp.ops->send(udp.self, to, data, len);
}

static void
lossy_flush(void *self)
{
	(void)self;
	udp.ops->flush(udp.self);
}

static void
lossy_stop(void *self)
{
	(void)self;
	udp.ops->stop(udp.self);
}

static void
lossy_free(void *self)
{
	(void)self;
	udp.ops->free(udp.self);
}

static const struct shoal_transport_ops ops = {
        .abi = SHOAL_TRANSPORT_ABI,
        .caps = SHOAL_TRANSPORT_DATAGRAM,
        .name = "lossy",
        .start = lossy_start,
        .address = lossy_address,
        .send = lossy_send,
        .flush = lossy_flush,
        .stop = lossy_stop,
        .free = lossy_free,
};

static void
on_member(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	(void)cluster, (void)arg;
	printf("%s %s (%s)\n", shoal_member_name(event->member), shoal_event_name(event->kind),
	        shoal_cause_text(&event->cause));
}

int
main(int argc, char **argv)
{
	struct shoal_transport transports[2] = {{.ops = &ops}};
	struct shoal_config config;
	struct shoal_cluster *cluster = NULL;
	char text[SHOAL_ADDR_TEXT], line[100];

	if (argc < 3 || shoal_transport_udp(&udp, NULL) != 0 ||
	        shoal_transport_tcp(&transports[1], NULL) != 0) {
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	shoal_config_init(&config);
	config.name = argv[1];
	config.bind = argv[2];
	config.transports = transports; /* one for datagrams, one for streams */
	config.transport_count = 2;
	if (shoal_cluster_new(&cluster, &config) != 0) {
		return fprintf(stderr, "%s\n", shoal_last_error()), 1;
	}
	shoal_on_member(cluster, SHOAL_EVENT_ALL & ~SHOAL_EVENT_OVERFLOW, on_member, NULL);
	int rc = shoal_cluster_start(cluster);
	if (rc == 0 && argc > 3) {
		rc = shoal_cluster_join(
		        cluster, (const char *const *)argv + 3, (size_t)argc - 3, 5000, NULL);
	}
	if (rc == 0) {
		shoal_cluster_address(cluster, text, sizeof(text));
		printf("%s is at %s\n", config.name, text);
		while (fgets(line, sizeof(line), stdin) != NULL) {
			printf("%u datagrams, %u of them lost\n", sent, lost);
		}
		rc = shoal_cluster_leave(cluster, 3000);
	}
	if (rc != 0) {
		fprintf(stderr, "%s\n", shoal_last_error());
	}
	shoal_cluster_free(cluster);
	return rc == 0 ? 0 : 1;
}
