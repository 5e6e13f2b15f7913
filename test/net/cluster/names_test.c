/* SPDX-License-Identifier: MIT */
/* Names that the application resolves itself, with the library's own threads. */
#include "kit.h"

#include <pthread.h>

/* What the application was asked, for the thread that answers. */
struct asked {
	pthread_mutex_t lock;
	pthread_cond_t came;
	struct shoal_cluster *cluster;
	uint64_t ticket; /* 0: nothing yet */
	struct shoal_addr addr;
	int rc;
};

static void
on_question(struct shoal_cluster *cluster, const struct shoal_name_question *question, void *arg)
{
	struct asked *asked = arg;

	pthread_mutex_lock(&asked->lock);
	asked->cluster = cluster;
	asked->ticket = question->ticket;
	pthread_cond_signal(&asked->came);
	pthread_mutex_unlock(&asked->lock);
}

static void *
answer(void *arg)
{
	struct asked *asked = arg;

	pthread_mutex_lock(&asked->lock);
	while (asked->ticket == 0) {
		pthread_cond_wait(&asked->came, &asked->lock);
	}
	pthread_mutex_unlock(&asked->lock);
	asked->rc = shoal_resolved(asked->cluster, asked->ticket, &asked->addr, 1);
	return NULL;
}

static void
the_application_answers_for_a_name_on_a_thread_of_its_own(void **state)
{
	struct shoal_cluster *a = kit_member("a"), *b;
	struct shoal_config config = kit_config("b");
	struct asked asked = {
	        .lock = PTHREAD_MUTEX_INITIALIZER, .came = PTHREAD_COND_INITIALIZER, .rc = -99};
	pthread_t thread;

	(void)state;
	assert_int_equal(shoal_addr_parse(&asked.addr, kit_address(a)), 0);
	config.resolver = on_question;
	config.resolver_arg = &asked;
	b = kit_start(&config);
	assert_int_equal(pthread_create(&thread, NULL, answer, &asked), 0);
	kit_join(b, "a.name.of.our.own");
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(asked.rc, 0);
	kit_free(a);
	kit_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_application_answers_for_a_name_on_a_thread_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
