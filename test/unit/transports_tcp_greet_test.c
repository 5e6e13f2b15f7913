/* SPDX-License-Identifier: MIT */
/* TLS under the TCP transport: whose certificates are taken, what is said of those that are not, on
 * both sides, and that who does not come to the end of a handshake keeps nobody out. */
#include "transports_tcp.h"

#include <fcntl.h>
#include <sys/wait.h>

/* Two sites, each with a certificate of its own; what a test changes before it starts them. */
struct greeting {
	struct world world;
	struct certs certs;
	struct site a, b; /* a asks b */
	char ca[2][160], cert[2][160], key[2][160];
};

static const struct certs_wish local = {.name = "here", .dns = "here.example", .ip = "127.0.0.1"};

static void
give(struct greeting *greeting, unsigned which, const struct certs_wish *wish)
{
	struct site *site = which == 0 ? &greeting->a : &greeting->b;
	const char *name = which == 0 ? "a" : "b";
	char file[16];

	certs_make(&greeting->certs, name, wish);
	snprintf(file, sizeof(file), "%s.crt", name);
	snprintf(greeting->cert[which], sizeof(greeting->cert[which]), "%s",
	        certs_path(&greeting->certs, file));
	snprintf(file, sizeof(file), "%s.key", name);
	snprintf(greeting->key[which], sizeof(greeting->key[which]), "%s",
	        certs_path(&greeting->certs, file));
	snprintf(greeting->ca[which], sizeof(greeting->ca[which]), "%s",
	        certs_path(&greeting->certs, "ca.crt"));
	site->env.tls = (struct shoal_transport_tls){.on = true,
	        .client_certs = true,
	        .ca = greeting->ca[which],
	        .cert = greeting->cert[which],
	        .key = greeting->key[which]};
}

static void
begin(struct greeting *greeting)
{
	memset(greeting, 0, sizeof(*greeting));
	world_open(&greeting->world);
	certs_begin(&greeting->certs);
	make_site(&greeting->a, &greeting->world, "127.0.0.1:0");
	make_site(&greeting->b, &greeting->world, "127.0.0.1:0");
	greeting->b.echo = true;
	give(greeting, 0, &local);
	give(greeting, 1, &local);
}

static void
start(struct greeting *greeting)
{
	assert_int_equal(site_start(&greeting->a), 0);
	assert_int_equal(site_start(&greeting->b), 0);
}

static void
done(struct greeting *greeting)
{
	site_close(&greeting->a);
	site_close(&greeting->b);
	certs_end(&greeting->certs);
	world_close(&greeting->world);
}

/* The code of a request of a to b. */
static int
ask(struct greeting *greeting)
{
	struct site *a = &greeting->a;
	size_t before = a->results.count;

	assert_int_equal(site_request(a, &greeting->b.addr[0], before + 1, "hello", 5, MINUTE), 0);
	UNTIL(&greeting->world, a->results.count == before + 1);
	return last(&a->results)->code;
}

static void
says(const struct site *site, const char *words)
{
	if (strstr(site->log, words) == NULL) {
		fail_msg("\"%s\" has no \"%s\"", site->log, words);
	}
}

static struct shoal_tcp *
tcp_of(const struct site *site)
{
	return site->transport.self;
}

static struct shoal_tcp_connection *
inbound_of(const struct site *site, enum shoal_tcp_phase phase)
{
	struct shoal_list *node = shoal_list_first(&tcp_of(site)->crowd.inbound.phase[phase]);

	assert_non_null(node);
	return SHOAL_LIST_ITEM(node, struct shoal_tcp_connection, member.in_side);
}

/* The same by a connection that is made for it. */
static int
ask_anew(struct greeting *greeting)
{
	struct site *a = &greeting->a;
	const struct shoal_transport *by = &a->transport;
	size_t before = a->results.count;

	assert_int_equal(by->ops->fresh(by->self, &greeting->b.addr[0], before + 1,
	                         (const uint8_t *)"hello", 5, SHOAL_SEC(60)),
	        0);
	UNTIL(&greeting->world, a->results.count == before + 1);
	return last(&a->results)->code;
}

static void
members_of_one_authority_ask_each_other_by_their_addresses(void **state)
{
	struct greeting greeting;

	(void)state;
	begin(&greeting);
	start(&greeting);
	assert_int_equal(ask(&greeting), 0);
	struct shoal_tcp_connection *connection = inbound_of(&greeting.b, SHOAL_TCP_IDLE);
	assert_non_null(connection->channel.tls);
	assert_string_equal(greeting.b.peer, "here.example");
	assert_int_equal(site_watch(&greeting.a, &greeting.b.addr[0], 7, "watch", MINUTE), 0);
	greeting.b.peer[0] = '\0';
	UNTIL(&greeting.world, greeting.b.watched.count == 1);
	assert_string_equal(greeting.b.peer, "here.example");
	/* Of the other ones too, and of none once it is over. */
	const struct shoal_transport *a = &greeting.a.transport, *b = &greeting.b.transport;
	assert_string_equal(greeting.a.peer, "here.example"); /* by its answer */
	greeting.b.peer[0] = greeting.a.peer[0] = '\0';
	assert_int_equal(
	        a->ops->stream(a->self, &greeting.b.addr[0], (const uint8_t *)"one", 3), 0);
	UNTIL(&greeting.world, greeting.b.streams.count == 1);
	assert_string_equal(greeting.b.peer, "here.example");
	assert_int_equal(b->ops->tell(b->self, last(&greeting.b.watched)->exchange,
	                         (const uint8_t *)"two", 3),
	        0);
	UNTIL(&greeting.world, greeting.a.streams.count == 1);
	assert_string_equal(greeting.a.peer, "here.example");
	char name[SHOAL_TLS_NAME_MAX + 1];
	assert_int_equal(b->ops->peer(b->self, name, sizeof(name)), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(greeting.a.logs + greeting.b.logs, 0);
	done(&greeting);
}

static void
who_is_not_asked_for_a_certificate_has_no_name(void **state)
{
	struct greeting greeting;

	(void)state;
	begin(&greeting);
	greeting.b.env.tls.client_certs = false;
	start(&greeting);
	assert_int_equal(ask(&greeting), 0);
	assert_string_equal(greeting.b.peer, "");
	done(&greeting);
}

static void
a_certificate_that_is_not_for_the_address_is_refused_unless_a_name_is_agreed(void **state)
{
	const struct certs_wish elsewhere = {.name = "b", .dns = "here.example", .ip = "127.0.0.2"};
	struct greeting greeting;

	(void)state;
	begin(&greeting);
	give(&greeting, 1, &elsewhere);
	start(&greeting);
	assert_int_equal(ask(&greeting), SHOAL_ERR_UNREACHABLE);
	says(&greeting.a,
	        ": its certificate is not for 127.0.0.1; it needs this address in it, or set "
	        "tls_name");
	assert_non_null(strstr(last(&greeting.a.results)->text, "its certificate is not for"));
	UNTIL(&greeting.world, greeting.b.logs == 1);
	says(&greeting.b, "TLS from 127.0.0.1:");
	says(&greeting.b, "it refused the certificate of this side");
	/* What fails again within the minute is not told again. */
	assert_int_equal(ask(&greeting), SHOAL_ERR_UNREACHABLE);
	UNTIL(&greeting.world, greeting.b.counted[SHOAL_COUNTER_CONNECTIONS_ABUSED] == 2);
	assert_int_equal(greeting.a.logs + greeting.b.logs, 2);

	site_stop(&greeting.a);
	greeting.a.env.tls.name = "here.example";
	assert_int_equal(site_start(&greeting.a), 0);
	assert_int_equal(ask(&greeting), 0);
	site_stop(&greeting.a);
	greeting.a.env.tls.name = "there.example";
	assert_int_equal(site_start(&greeting.a), 0);
	assert_int_equal(ask(&greeting), SHOAL_ERR_UNREACHABLE);
	says(&greeting.a, "its certificate is not for there.example, which is tls_name");
	done(&greeting);
}

static void
a_certificate_is_refused_for_what_is_wrong_with_it_and_either_side_says_so(void **state)
{
	static const struct {
		struct certs_wish wish;
		const char *words;
	} cases[] = {
	        {{.name = "x", .ip = "127.0.0.1", .to = "20210101000000"}, "expired"},
	        {{.name = "x", .ip = "127.0.0.1", .from = "20980101000000"}, "not valid yet"},
	        {{.name = "x", .ip = "127.0.0.1", .self_signed = true}, "signed by itself"},
	};
	struct greeting greeting;

	(void)state;
	for (size_t i = 0; i < 2 * COUNT_OF(cases); i++) {
		bool of_asked = i % 2 == 0;
		struct site *refuses, *refused;

		begin(&greeting);
		refuses = of_asked ? &greeting.a : &greeting.b;
		refused = of_asked ? &greeting.b : &greeting.a;
		give(&greeting, of_asked ? 1 : 0, &cases[i / 2].wish);
		start(&greeting);
		int code = ask(&greeting);
		assert_true(code == SHOAL_ERR_UNREACHABLE || code == SHOAL_ERR_CLOSED);
		UNTIL(&greeting.world, refuses->logs == 1 && refused->logs == 1);
		says(refuses, cases[i / 2].words);
		says(refused, "it refused the c");
		assert_int_equal(greeting.b.requests.count, 0);
		done(&greeting);
	}
}

static void
who_has_no_certificate_of_the_authority_is_not_let_in(void **state)
{
	struct greeting greeting;

	(void)state;
	begin(&greeting);
	assert_int_equal(site_start(&greeting.b), 0);
	certs_renew(&greeting.certs); /* a trusts none that b has, and has none that b trusts */
	give(&greeting, 0, &local);
	greeting.a.env.tls.insecure = true;
	greeting.a.env.tls.client_certs = false;
	assert_int_equal(site_start(&greeting.a), 0);
	assert_int_not_equal(ask(&greeting), 0);
	UNTIL(&greeting.world, greeting.b.logs == 1 && greeting.a.logs == 1);
	says(&greeting.b, "no authority that is trusted here");
	says(&greeting.a, "it refused the connection");
	assert_int_equal(greeting.b.requests.count, 0);
	assert_int_equal(greeting.b.counted[SHOAL_COUNTER_CONNECTIONS_ABUSED], 1);
	done(&greeting);
}

static void
new_certificates_are_for_new_connections_and_the_old_ones_go_on(void **state)
{
	struct greeting greeting;
	char why[SHOAL_TLS_WHY];

	(void)state;
	begin(&greeting);
	start(&greeting);
	assert_int_equal(ask(&greeting), 0);
	certs_renew(&greeting.certs);
	give(&greeting, 0, &local);
	give(&greeting, 1, &local);
	const struct shoal_transport *a = &greeting.a.transport, *b = &greeting.b.transport;
	assert_int_equal(a->ops->reload(a->self, why, sizeof(why)), 0);
	assert_int_equal(ask(&greeting), 0);
	assert_int_equal(greeting.a.counted[SHOAL_COUNTER_CONNECTIONS_OUT], 1);
	assert_int_equal(ask_anew(&greeting), SHOAL_ERR_UNREACHABLE);
	says(&greeting.a, "no authority that is trusted here");
	assert_int_equal(b->ops->reload(b->self, why, sizeof(why)), 0);
	assert_int_equal(ask_anew(&greeting), 0);

	/* One that fails changes nothing, and says which file it was. */
	assert_int_equal(unlink(greeting.cert[1]), 0);
	assert_int_equal(b->ops->reload(b->self, why, sizeof(why)), SHOAL_ERR_INVALID);
	assert_non_null(strstr(why, greeting.cert[1]));
	assert_int_equal(ask_anew(&greeting), 0);
	done(&greeting);
}

static void
in_clear_and_with_tls_do_not_meet_and_both_sides_say_what_to_do(void **state)
{
	struct greeting greeting;

	(void)state;
	begin(&greeting);
	greeting.a.env.tls.on = false;
	start(&greeting);
	assert_int_not_equal(ask(&greeting), 0);
	UNTIL(&greeting.world, greeting.a.logs == 1 && greeting.b.logs == 1);
	says(&greeting.a, ": it speaks TLS, and this member does not; turn tls on here");
	says(&greeting.b, ": what it sent is no TLS; tls is on here");
	assert_non_null(strstr(last(&greeting.a.results)->text, "it speaks TLS"));
	done(&greeting);

	begin(&greeting);
	greeting.b.env.tls.on = false;
	start(&greeting);
	assert_int_not_equal(ask(&greeting), 0);
	UNTIL(&greeting.world, greeting.a.logs == 1 && greeting.b.logs == 1);
	says(&greeting.a, "; is tls on there?");
	says(&greeting.b, ": it speaks TLS, and this member does not; turn tls on here");
	assert_int_equal(greeting.b.counted[SHOAL_COUNTER_CONNECTIONS_ABUSED], 1);
	done(&greeting);
}

static void
what_tls_needs_is_said_at_the_start(void **state)
{
	struct greeting greeting;

	(void)state;
	begin(&greeting);
	greeting.a.env.tls.cert = greeting.a.env.tls.key = NULL;
	assert_int_equal(site_start(&greeting.a), SHOAL_ERR_INVALID);
	assert_string_equal(greeting.a.why, "tcp: tls needs tls_cert and tls_key");
	assert_int_equal(unlink(greeting.ca[1]), 0);
	assert_int_equal(site_start(&greeting.b), SHOAL_ERR_INVALID);
	assert_non_null(strstr(greeting.b.why, greeting.ca[1]));
	done(&greeting);
}

/* As after a kill: the kernel ends the connection, and TLS has said nothing of an end. */
static void
a_link_whose_process_was_killed_is_told_as_closed(void **state)
{
	const struct linger at_once = {.l_onoff = 1};

	(void)state;
	for (unsigned reset = 0; reset < 2; reset++) {
		struct greeting greeting;

		begin(&greeting);
		start(&greeting);
		assert_int_equal(
		        site_watch(&greeting.a, &greeting.b.addr[0], 7, "watch", MINUTE), 0);
		UNTIL(&greeting.world, greeting.a.results.count == 1);
		assert_int_equal(last(&greeting.a.results)->code, 0);
		int fd = inbound_of(&greeting.b, SHOAL_TCP_LINK)->channel.fd;
		if (reset) {
			int null = open("/dev/null", O_RDWR | O_CLOEXEC);
			assert_int_equal(
			        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)),
			        0);
			assert_int_equal(
			        event_del(&inbound_of(&greeting.b, SHOAL_TCP_LINK)->readable), 0);
			assert_int_equal(dup2(null, fd), fd);
			close(null);
		} else {
			assert_int_equal(shutdown(fd, SHUT_WR), 0);
		}
		UNTIL(&greeting.world, greeting.a.closed.count == 1);
		assert_int_equal(last(&greeting.a.closed)->code, SHOAL_ERR_CLOSED);
		done(&greeting);
	}
}

/* In the child: the connection's time is over, its request's too, it writes, and all is stopped. */
static void
be_child(struct greeting *greeting)
{
	struct shoal_tcp_connection *connection =
	        SHOAL_LIST_ITEM(tcp_of(&greeting->a)->crowd.outbound.phase[SHOAL_TCP_BUSY].next,
	                struct shoal_tcp_connection, member.in_side);

	alarm(60);
	event_reinit(greeting->world.base);
	connection->used_at = 0;
	event_active(&connection->timer, EV_TIMEOUT, 1);
	event_active(&connection->readable, EV_READ, 1);
	SHOAL_LIST_FOREACH (node, &connection->requests) {
		event_active(&SHOAL_LIST_ITEM(node, struct shoal_tcp_request, node)->timer,
		        EV_TIMEOUT, 1);
	}
	for (unsigned i = 0; i < 10; i++) {
		event_base_loop(greeting->world.base, EVLOOP_NONBLOCK);
	}
	bool silent = connection->channel.fd >= 0 &&
	              shoal_channel_write(&connection->channel, "x", 1) < 0 &&
	              shoal_channel_flush(&connection->channel) < 0;
	site_stop(&greeting->a);
	site_stop(&greeting->b);
	_exit(silent && greeting->a.results.count == 1 ? 0 : 1);
}

static void
a_child_of_fork_ends_no_connection_of_its_parent(void **state)
{
	struct greeting greeting;
	int status;

	(void)state;
	begin(&greeting);
	start(&greeting);
	assert_int_equal(ask(&greeting), 0);
	greeting.b.echo = false;
	assert_int_equal(site_request(&greeting.a, &greeting.b.addr[0], 2, "wait", 4, MINUTE), 0);
	UNTIL(&greeting.world, greeting.b.requests.count == 2);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		be_child(&greeting);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	const struct shoal_transport *b = &greeting.b.transport;
	assert_int_equal(b->ops->reply(b->self, last(&greeting.b.requests)->exchange,
	                         (const uint8_t *)"late", 4),
	        0);
	UNTIL(&greeting.world, greeting.a.results.count == 2);
	assert_int_equal(last(&greeting.a.results)->code, 0);
	greeting.b.echo = true;
	assert_int_equal(ask(&greeting), 0);
	assert_int_equal(greeting.a.counted[SHOAL_COUNTER_CONNECTIONS_OUT], 1);
	done(&greeting);
}

#define SHORT 100 /* ms */

static void
who_does_not_end_a_handshake_is_closed_in_time(void **state)
{
	static const uint8_t begun[] = {22, 3, 1, 2, 0, 1, 0, 1};
	struct greeting greeting;
	struct shoal_addr deaf;
	int silent, half, listener = raw_listen(&deaf);

	(void)state;
	begin(&greeting);
	greeting.a.env.exchange_timeout_ms = greeting.b.env.exchange_timeout_ms = SHORT;
	start(&greeting);
	silent = raw_connect(&greeting.b.addr[0]);
	half = raw_connect(&greeting.b.addr[0]);
	raw_send(half, begun, sizeof(begun));
	UNTIL(&greeting.world, raw_is_closed(silent) && raw_is_closed(half));
	UNTIL(&greeting.world, greeting.b.counted[SHOAL_COUNTER_CONNECTIONS_ABUSED] == 2);
	assert_int_equal(greeting.b.logs, 0);
	/* The other way round. */
	assert_int_equal(site_request(&greeting.a, &deaf, 1, "hello", 5, MINUTE), 0);
	UNTIL(&greeting.world, greeting.a.results.count == 1);
	assert_int_equal(last(&greeting.a.results)->code, SHOAL_ERR_TIMEOUT);
	says(&greeting.a, "it did not come to the end of a handshake in time");
	assert_int_equal(greeting.a.counted[SHOAL_COUNTER_CONNECTIONS_ABUSED], 0);
	close(silent);
	close(half);
	close(listener);
	done(&greeting);
}

static void
handshakes_that_do_not_end_are_bounded_and_stop_no_good_request(void **state)
{
	static const uint8_t begun[] = {22, 3, 1, 2, 0, 1, 0, 1};
	struct greeting greeting;
	int fd[200];

	(void)state;
	begin(&greeting);
	greeting.b.env.connections_max = 32;
	start(&greeting);
	for (size_t i = 0; i < COUNT_OF(fd); i++) {
		fd[i] = raw_connect(&greeting.b.addr[0]);
		raw_send(fd[i], begun, sizeof(begun));
		world_rest(&greeting.world, 0);
		assert_true(tcp_of(&greeting.b)->crowd.inbound.count <= 24);
	}
	assert_int_equal(ask(&greeting), 0);
	for (size_t i = 0; i < COUNT_OF(fd); i++) {
		close(fd[i]);
	}
	done(&greeting);
}

static size_t
waiting(const struct site *site)
{
	size_t count = 0;

	SHOAL_LIST_FOREACH (node, &tcp_of(site)->handshakes.sources) {
		SHOAL_LIST_FOREACH (waits,
		        &SHOAL_LIST_ITEM(node, struct shoal_crowd_source, in_turn)->waiting) {
			count++;
		}
	}
	return count;
}

/* A good one behind them, then a stop. */
static void
handshakes_wait_for_their_turn_and_end_while_they_do(void **state)
{
	static const uint8_t begun[] = {22, 3, 1, 2, 0, 1, 0, 1};
	struct greeting greeting;
	int fd[2 * SHOAL_HANDSHAKES_A_TURN];
	size_t most = 0;

	(void)state;
	begin(&greeting);
	start(&greeting);
	for (size_t i = 0; i < COUNT_OF(fd); i++) {
		fd[i] = raw_connect(&greeting.b.addr[0]);
	}
	struct shoal_crowd_side *inbound = &tcp_of(&greeting.b)->crowd.inbound;
	UNTIL(&greeting.world, inbound->count == COUNT_OF(fd));
	for (size_t i = 0; i < COUNT_OF(fd); i++) {
		raw_send(fd[i], begun, sizeof(begun));
	}
	UNTIL(&greeting.world, (most = waiting(&greeting.b)) > SHOAL_HANDSHAKES_A_TURN);
	world_turn(&greeting.world);
	assert_in_range(waiting(&greeting.b), 1, most - 1);
	assert_int_equal(ask(&greeting), 0); /* behind them */
	assert_int_equal(waiting(&greeting.b), 0);
	assert_int_equal(greeting.b.logs, 0);
	for (size_t i = 0; i < COUNT_OF(fd); i++) {
		raw_send(fd[i], begun, 1);
	}
	UNTIL(&greeting.world, waiting(&greeting.b) > 0);
	site_stop(&greeting.b);
	assert_int_equal(waiting(&greeting.b), 0);
	assert_false(event_pending(&tcp_of(&greeting.b)->handshakes.timer, EV_TIMEOUT, NULL));
	assert_int_equal(site_start(&greeting.b), 0);
	assert_int_equal(ask_anew(&greeting), 0);
	for (size_t i = 0; i < COUNT_OF(fd); i++) {
		close(fd[i]);
	}
	done(&greeting);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(members_of_one_authority_ask_each_other_by_their_addresses),
	        cmocka_unit_test(who_is_not_asked_for_a_certificate_has_no_name),
	        cmocka_unit_test(
	                a_certificate_that_is_not_for_the_address_is_refused_unless_a_name_is_agreed),
	        cmocka_unit_test(
	                a_certificate_is_refused_for_what_is_wrong_with_it_and_either_side_says_so),
	        cmocka_unit_test(who_has_no_certificate_of_the_authority_is_not_let_in),
	        cmocka_unit_test(new_certificates_are_for_new_connections_and_the_old_ones_go_on),
	        cmocka_unit_test(in_clear_and_with_tls_do_not_meet_and_both_sides_say_what_to_do),
	        cmocka_unit_test(what_tls_needs_is_said_at_the_start),
	        cmocka_unit_test(a_link_whose_process_was_killed_is_told_as_closed),
	        cmocka_unit_test(a_child_of_fork_ends_no_connection_of_its_parent),
	        cmocka_unit_test(handshakes_wait_for_their_turn_and_end_while_they_do),
	        cmocka_unit_test(who_does_not_end_a_handshake_is_closed_in_time),
	        cmocka_unit_test(handshakes_that_do_not_end_are_bounded_and_stop_no_good_request),
	};

	return RUN(tests);
}
