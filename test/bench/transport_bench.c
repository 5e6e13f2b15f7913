/* SPDX-License-Identifier: MIT */
/* The transports by themselves: what two ends in one process do for each other over loopback, on
 * one loop, with 100 bytes at a time. Each figure of another transport stands beside that of the
 * sockets of the same run: UDP for datagrams, TCP for the rest. Processor time is that of both ends
 * together. message_bench has the same of whole clusters. */
#include <shoal/transport.h>

#include <event2/event.h>

#include "base/addr.h"
#include "bench.h"
#ifdef SHOAL_HAVE_MBEDTLS
#include "transports_certs.h"
#endif

#define BYTES       100
#define DATAGRAMS   32  /* there and back at once */
#define ONE_WAY     256 /* one-way messages under way */
#define REQUESTS    64
#define LOST_AFTER  20 /* ms without an answer */
#define PATIENCE_MS 10000

enum kind {
	KIND_DATAGRAM,
	KIND_STREAM,
	KIND_REQUEST,
	KINDS
};

/* How the two ends reach each other. */
struct way {
	const char *name;
	const char *bind; /* of a URL; NULL: sockets */
	bool udp, tls;
};

struct run;

/* One end: UDP and TCP, TCP alone, or HTTP alone. */
struct end {
	struct shoal_transport
	        by[2]; /* for datagrams and for streams; the same one twice for HTTP */
	size_t count;
	struct shoal_addr addr;
	struct run *run;
	struct end *other;
	bool asks;
	unsigned owed; /* datagrams to send back */
};

struct run {
	struct event_base *base;
	struct end end[2];
	enum kind kind;
	unsigned window, flying;
	uint64_t done, seen, number;
	bool over;
};

static const uint8_t data[BYTES];

static void
check(bool ok, const char *why)
{
	if (!ok) {
		fprintf(stderr, "transport_bench: %s\n", why);
		exit(1);
	}
}

/* Sends until so much is under way as shall be. */
static void
fill(struct run *run)
{
	struct end *from = &run->end[0];
	const struct shoal_transport *by = &from->by[run->kind == KIND_DATAGRAM ? 0 : 1];
	const struct shoal_addr *to = &run->end[1].addr;

	while (!run->over && run->flying < run->window) {
		int rc = run->kind == KIND_DATAGRAM ? by->ops->send(by->self, to, data, BYTES)
		         : run->kind == KIND_STREAM ? by->ops->stream(by->self, to, data, BYTES)
		                                    : by->ops->request(by->self, to, ++run->number,
		                                              data, BYTES, SHOAL_MS(PATIENCE_MS));
		check(rc == 0, shoal_strerror(rc));
		run->flying++;
	}
	if (by->ops->flush != NULL) {
		by->ops->flush(by->self);
	}
}

static void
count_one(struct run *run)
{
	run->done++;
	run->flying -= run->flying > 0;
}

static void
on_datagram(
        void *arg, const struct shoal_addr *from, const uint8_t *bytes, size_t len, uint64_t age)
{
	struct end *end = arg;

	(void)from, (void)bytes, (void)len, (void)age;
	if (end->asks) {
		count_one(end->run);
	} else {
		end->owed++;
	}
}

static enum shoal_transport_verdict
on_stream(void *arg, const struct shoal_addr *from, const uint8_t *bytes, size_t len)
{
	struct end *end = arg;

	(void)from, (void)bytes, (void)len;
	count_one(end->run);
	return SHOAL_TRANSPORT_TAKEN;
}

static enum shoal_transport_verdict
on_request(void *arg, const struct shoal_addr *from, uint64_t exchange, const uint8_t *bytes,
        size_t len)
{
	struct end *end = arg;

	(void)from;
	(void)end->by[1].ops->reply(end->by[1].self, exchange, bytes, len);
	return SHOAL_TRANSPORT_TAKEN;
}

static enum shoal_transport_verdict
on_result(void *arg, uint64_t exchange, int code, const uint8_t *bytes, size_t len)
{
	struct end *end = arg;

	(void)exchange, (void)bytes;
	check(code == 0 && len == BYTES, shoal_strerror(code));
	count_one(end->run);
	return SHOAL_TRANSPORT_TAKEN;
}

static void
on_batch_end(void *arg)
{
	struct end *end = arg;
	const struct shoal_transport *by = &end->by[0];

	for (; end->owed > 0; end->owed--) {
		(void)by->ops->send(by->self, &end->other->addr, data, BYTES);
	}
	if (by->ops->flush != NULL) {
		by->ops->flush(by->self);
	}
	fill(end->run);
}

static void
on_refused(void *arg, const struct shoal_addr *peer)
{
	(void)arg, (void)peer;
}

static void
on_count(void *arg, enum shoal_counter counter, uint64_t n)
{
	(void)arg, (void)counter, (void)n;
}

static void
on_log(void *arg, enum shoal_log_level level, const char *room, const char *text)
{
	(void)arg;
	if (level <= SHOAL_LOG_WARN) {
		fprintf(stderr, "transport_bench: %s: %s\n", room, text);
	}
}

/* What datagrams were lost is sent again. */
static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct run *run = arg;

	(void)fd, (void)what;
	if (run->kind == KIND_DATAGRAM && run->seen == run->done) {
		run->flying = 0;
		fill(run);
	}
	run->seen = run->done;
}

static struct shoal_transport_env
env_of(struct end *end, const struct way *way, const struct shoal_transport_tls *tls)
{
	struct shoal_transport_env env = {.size = sizeof(env),
	        .base = end->run->base,
	        .host = {.datagram = on_datagram,
	                .stream = on_stream,
	                .request = on_request,
	                .result = on_result,
	                .refused = on_refused,
	                .batch_end = on_batch_end,
	                .count = on_count,
	                .log = on_log,
	                .arg = end},
	        .bind = &end->addr,
	        .binds = 1,
	        .datagram_max = 1400,
	        .stream_max = 1 << 24,
	        .first_max = 1 << 16,
	        .connections_max = 256,
	        .idle_timeout_ms = 60000,
	        .exchange_timeout_ms = PATIENCE_MS,
	        .link_idle_ms = 60000,
	        .web.bind = way->bind,
	        .tls = way->tls ? *tls : (struct shoal_transport_tls){.on = false}};

	return env;
}

static void
close_end(struct end *end)
{
	for (size_t i = 0; i < end->count; i++) {
		end->by[i].ops->free(end->by[i].self);
	}
	end->count = 0;
}

/* SHOAL_ERR_IN_USE: the port that the first transport got is another program's for the second. */
static int
try_end(struct end *end, const struct way *way, const struct shoal_transport_tls *tls)
{
	char why[400] = "";
	int rc = 0;

	check(shoal_addr_parse(&end->addr, "127.0.0.1:0") == 0, "address");
	if (way->udp) {
		check(shoal_transport_udp(&end->by[end->count++], NULL) == 0, "memory");
	}
	check((way->bind != NULL ? shoal_transport_http : shoal_transport_tcp)(
	              &end->by[end->count++], NULL) == 0,
	        "memory");
	for (size_t i = 0; i < end->count && rc == 0; i++) {
		const struct shoal_transport *by = &end->by[i];
		struct shoal_transport_env env = env_of(end, way, tls);
		struct shoal_addr bound;

		rc = by->ops->start(by->self, &env, why, sizeof(why));
		check(rc == 0 || rc == SHOAL_ERR_IN_USE, why);
		if (rc == 0) {
			check(by->ops->address(by->self, 0, &bound) == 0, "address");
			end->addr = bound;
		}
	}
	return rc;
}

static void
open_end(struct end *end, const struct way *way, const struct shoal_transport_tls *tls)
{
	while (try_end(end, way, tls) != 0) {
		close_end(end);
	}
	end->by[1] = end->by[end->count - 1];
}

static void
meet(struct end *end)
{
	char url[SHOAL_URL_MAX + 1];
	const struct shoal_transport *by = &end->by[0];

	if (by->ops->caps & SHOAL_TRANSPORT_WEB) {
		check(by->ops->url(by->self, url, sizeof(url)) == 0 &&
		                shoal_addr_from_url(&end->addr, url) == 0 &&
		                end->other->by[0].ops->know(
		                        end->other->by[0].self, &end->addr, url) == 0,
		        "a URL");
	}
}

struct result {
	double rate, cpu_us;
};

static struct result
drive(const struct bench *bench, struct run *run, enum kind kind, unsigned window)
{
	run->kind = kind;
	run->window = window;
	run->over = false;
	fill(run);
	for (uint64_t warm = bench_now_ns(); bench_now_ns() - warm < SHOAL_MS(20);) {
		event_base_loop(run->base, EVLOOP_ONCE);
	}
	uint64_t base = run->done, begin = bench_now_ns(), cpu = bench_cpu_ns();
	while (bench_running(bench, begin)) {
		event_base_loop(run->base, EVLOOP_ONCE);
	}
	uint64_t done = run->done - base;
	double seconds = (double)(bench_now_ns() - begin) / 1e9;
	cpu = bench_cpu_ns() - cpu;
	check(done > 0, "nothing passes");
	run->over = true;
	for (uint64_t rest = bench_now_ns();
	        run->flying > 0 &&
	        (kind != KIND_DATAGRAM || bench_now_ns() - rest < SHOAL_MS(50));) {
		event_base_loop(run->base, EVLOOP_ONCE);
	}
	run->flying = 0;
	return (struct result){(double)done / seconds, (double)cpu / 1e3 / (double)done};
}

static const struct figure {
	const char *what;
	enum kind kind;
	unsigned window;
} figures[] = {
        {"datagrams there and back, 32 at a time", KIND_DATAGRAM, DATAGRAMS},
        {"one-way messages", KIND_STREAM, ONE_WAY},
        {"requests answered, one at a time", KIND_REQUEST, 1},
        {"requests answered, 64 at a time", KIND_REQUEST, REQUESTS},
};

#define FIGURES (sizeof(figures) / sizeof(figures[0]))

/* sockets: what the first way measured, which this one is compared with. */
static void
measure(const struct bench *bench, const struct way *way, const struct shoal_transport_tls *tls,
        struct result sockets[FIGURES])
{
	const struct timeval tick = {.tv_usec = LOST_AFTER * 1000};
	struct run run = {.base = event_base_new()};
	struct event *ticks = event_new(run.base, -1, EV_PERSIST, on_tick, &run);
	char what[80];

	check(ticks != NULL && event_add(ticks, &tick) == 0, "memory");
	for (size_t i = 0; i < 2; i++) {
		run.end[i] = (struct end){.run = &run, .other = &run.end[1 - i], .asks = i == 0};
		open_end(&run.end[i], way, tls);
	}
	meet(&run.end[0]);
	meet(&run.end[1]);
	for (size_t i = 0; i < FIGURES; i++) {
		if (figures[i].kind == KIND_DATAGRAM && !way->udp && way->bind == NULL) {
			continue; /* streams only */
		}
		struct result got = drive(bench, &run, figures[i].kind, figures[i].window);
		snprintf(what, sizeof(what), "%s: %s", way->name, figures[i].what);
		bench_figure(bench, what, got.rate, "/s");
		bench_figure(bench, "  processor time of both ends for each", got.cpu_us, "us");
		if (sockets[i].rate > 0) {
			bench_ratio(bench, "  of the sockets' rate", got.rate, sockets[i].rate);
			bench_ratio(
			        bench, "  of their processor time", got.cpu_us, sockets[i].cpu_us);
		} else {
			sockets[i] = got;
		}
	}
	close_end(&run.end[0]);
	close_end(&run.end[1]);
	event_free(ticks);
	event_base_free(run.base);
}

int
main(int argc, char **argv)
{
	static const struct way ways[] = {{"udp and tcp", NULL, true, false},
	        {"tcp with TLS", NULL, false, true},
	        {"http", "http://127.0.0.1:0/gossip", false, false},
	        {"https", "https://127.0.0.1:0/gossip", false, true}};
	struct result sockets[FIGURES] = {{0, 0}};
	struct shoal_transport_tls tls = {.on = true};
	struct bench bench;

	bench_start(&bench, "transport", argc, argv);
#ifdef SHOAL_HAVE_MBEDTLS
	const struct certs_wish wish = {.name = "bench", .ip = "127.0.0.1"};
	struct certs certs;

	certs_begin(&certs);
	certs_make(&certs, "bench", &wish);
	tls.ca = certs_path(&certs, "ca.crt");
	tls.cert = certs_path(&certs, "bench.crt");
	tls.key = certs_path(&certs, "bench.key");
#endif
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (!ways[i].tls || tls.cert != NULL) {
			measure(&bench, &ways[i], &tls, sockets);
		}
	}
#ifdef SHOAL_HAVE_MBEDTLS
	certs_end(&certs);
#endif
	return 0;
}
