/* SPDX-License-Identifier: MIT */
/* Round trips between members. What this member measured itself is in its list; what another one
 * did it is asked for, by a request of the library's own with an id, 16 bytes, whose reply is a
 * number of nanoseconds, 8 bytes. A member answers from its list: nothing is pinged for it. */
#include "cluster/message/rtt.h"

#include "base/alloc.h"
#include "base/reader.h"
#include "base/writer.h"
#include "cluster/cluster.h"
#include "cluster/loop/fork.h"
#include "cluster/message/request.h"
#include "cluster/report/last_error.h"

#include <string.h>

#define REPLY_BYTES 8

struct question {
	shoal_rtt_fn fn;
	void *arg;
};

/* What this member measured. */
static int
look_up(struct shoal_cluster *cluster, const struct shoal_id *to, uint64_t *rtt_ns)
{
	struct shoal_member_list *list = shoal_members(cluster, NULL);
	const struct shoal_member *member = shoal_member_list_find_by_id(list, to);
	int rc = SHOAL_ERR_NOT_FOUND;

	if (list == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	if (member != NULL) {
		*rtt_ns = shoal_member_rtt(member);
		rc = 0;
	}
	shoal_member_list_free(list);
	return rc;
}

void
shoal_rtt_serve(struct shoal_cluster *cluster, const struct shoal_message *message, uint64_t ticket)
{
	uint8_t reply[REPLY_BYTES];
	struct shoal_writer writer;
	struct shoal_id to;
	uint64_t rtt_ns = 0;
	int rc = SHOAL_ERR_INVALID;

	if (shoal_message_len(message) == sizeof(to.bytes)) {
		memcpy(to.bytes, shoal_message_data(message), sizeof(to.bytes));
		rc = look_up(cluster, &to, &rtt_ns);
	}
	shoal_writer_init(&writer, reply, sizeof(reply));
	shoal_writer_u64(&writer, rtt_ns);
	(void)shoal_reply(cluster, ticket, rc, reply, rc == 0 ? sizeof(reply) : 0);
}

static int
read_reply(const void *data, size_t len, uint64_t *rtt_ns)
{
	struct shoal_reader reader;

	shoal_reader_init(&reader, data, len);
	*rtt_ns = shoal_reader_u64(&reader);
	return reader.failed || reader.left > 0 ? SHOAL_ERR_INVALID : 0;
}

/* What a code means here. */
static const char *
why(int code)
{
	switch (code) {
	case SHOAL_ERR_NOT_FOUND:
		return "the member asked does not know the other one";
	case SHOAL_ERR_UNSUPPORTED:
		return "the member asked answers no such question: its version is older";
	case SHOAL_ERR_INVALID:
		return "the member asked gave no answer that can be read";
	default:
		return shoal_strerror(code);
	}
}

static void
on_reply(struct shoal_cluster *cluster, int code, const void *data, size_t len, void *arg)
{
	struct question *question = arg;
	uint64_t rtt_ns = 0;

	if (code == 0) {
		code = read_reply(data, len, &rtt_ns);
	}
	question->fn(
	        cluster, code, code == 0 ? "" : why(code), code == 0 ? rtt_ns : 0, question->arg);
	shoal_alloc_free(cluster->mem, question);
}

/* Which of the two is this member. */
static int
check(struct shoal_cluster *cluster, const struct shoal_id *from, const struct shoal_id *to,
        bool *here)
{
	int rc = shoal_fork_check(cluster, "rtt");
	struct shoal_member *self;

	if (rc != 0) {
		return rc;
	}
	self = shoal_cluster_self(cluster);
	if (self == NULL) {
		return shoal_last_error_set(SHOAL_ERR_STATE, "rtt: the cluster is not running");
	}
	*here = from == NULL || shoal_id_compare(from, shoal_member_id(self)) == 0;
	if (to == NULL || shoal_id_compare(to, *here ? shoal_member_id(self) : from) == 0) {
		rc = shoal_last_error_set(
		        SHOAL_ERR_INVALID, "rtt: a member does not measure itself");
	}
	shoal_member_unref(self);
	return rc;
}

int
shoal_cluster_rtt_ask(struct shoal_cluster *cluster, const struct shoal_id *from,
        const struct shoal_id *to, unsigned timeout_ms, shoal_rtt_fn fn, void *arg)
{
	struct question *question;
	bool here = false;
	int rc = check(cluster, from, to, &here);

	if (rc != 0) {
		return rc;
	}
	if (here || fn == NULL) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        here ? "rtt: what this member measured is asked of nobody: shoal_member_rtt"
		             : "rtt: no function");
	}
	question = shoal_alloc_zeroed(cluster->mem, 1, sizeof(*question));
	if (question == NULL) {
		return shoal_last_error_set(SHOAL_ERR_NOMEM, "rtt: out of memory");
	}
	question->fn = fn;
	question->arg = arg;
	rc = shoal_request(cluster, from, SHOAL_TYPE_RTT, to->bytes, sizeof(to->bytes), timeout_ms,
	        on_reply, question, NULL);
	if (rc != 0) {
		shoal_alloc_free(cluster->mem, question);
	}
	return rc;
}

/* What another member measured, waited for. */
static int
ask_and_wait(struct shoal_cluster *cluster, const struct shoal_id *from, const struct shoal_id *to,
        unsigned timeout_ms, uint64_t *rtt_ns)
{
	uint8_t reply[REPLY_BYTES];
	uint64_t unused;
	size_t len = 0;
	int rc = look_up(cluster, from, &unused);

	if (rc != 0) {
		return shoal_last_error_set(rc, "rtt: %s",
		        rc == SHOAL_ERR_NOT_FOUND ? "the member to ask is not known here"
		                                  : shoal_strerror(rc));
	}
	rc = shoal_request_wait(cluster, from, SHOAL_TYPE_RTT, to->bytes, sizeof(to->bytes),
	        timeout_ms, reply, sizeof(reply), &len);
	if (rc == 0) {
		rc = read_reply(reply, len, rtt_ns);
	}
	if (rc == SHOAL_ERR_NOT_FOUND || rc == SHOAL_ERR_UNSUPPORTED || rc == SHOAL_ERR_INVALID) {
		shoal_last_error_say("rtt: %s", why(rc));
	}
	return rc;
}

int
shoal_cluster_rtt(struct shoal_cluster *cluster, const struct shoal_id *from,
        const struct shoal_id *to, unsigned timeout_ms, uint64_t *rtt_ns)
{
	uint64_t found = 0;
	bool here = false;
	int rc = check(cluster, from, to, &here);

	if (rc != 0) {
		return rc;
	}
	if (!here) {
		rc = ask_and_wait(cluster, from, to, timeout_ms, &found);
	} else if ((rc = look_up(cluster, to, &found)) != 0) {
		shoal_last_error_say("rtt: %s", rc == SHOAL_ERR_NOT_FOUND
		                                        ? "no such member is known here"
		                                        : shoal_strerror(rc));
	}
	*rtt_ns = rc == 0 ? found : 0;
	return rc;
}
