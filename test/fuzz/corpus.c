/* SPDX-License-Identifier: MIT */
/* Makes the corpus of core_fuzz: what one node of a small simulated cluster took in, as a script
 * that gives a core of the same identity the same life again. Usage: core_corpus FOLDER. Run it
 * again when the bytes on the wire change; what it writes is committed. */
#include "script.h"

#include "base/rng.h"
#include <shoal/sim.h>

#include <shoal/error.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODES      4
#define RECORDED   1
#define DRAWN      16
#define SCRIPT_MAX ((size_t)12000)

struct recorder {
	uint8_t data[SCRIPT_MAX];
	size_t len;
	uint64_t now;
	unsigned starts;
};

static void
begin(struct recorder *recorder, enum shoal_profile_kind kind,
        const struct shoal_core_config *config)
{
	uint8_t *head = recorder->data;

	head[0] = (uint8_t)kind;
	script_put(head + 1, 8, config->seed);
	memcpy(head + 9, config->salt.bytes, 16);
	memcpy(head + 25, config->id.bytes, 16);
	script_put(head + 41, 8, config->mono_ns << 2);
	script_put(head + 49, 8, (config->wall_ns - config->mono_ns) << 2);
	recorder->len = SCRIPT_HEAD;
	recorder->now = config->mono_ns;
}

/* A record without its bytes; the clock goes on first. */
static uint8_t *
add(struct recorder *recorder, enum script_op op, const struct shoal_input *input, size_t len)
{
	uint64_t after = input->mono_ns - recorder->now;
	uint8_t *at = recorder->data + recorder->len;

	if (after > UINT32_MAX) {
		at[0] = SCRIPT_ADVANCE;
		script_put(at + 2, 2, 8);
		script_put(at + 4, 4, 0);
		script_put(at + SCRIPT_RECORD, 8, after);
		at += SCRIPT_RECORD + 8;
		after = 0;
	}
	at[0] = (uint8_t)op;
	at[1] = op == SCRIPT_RESULT ? 0 : input->from.ip[15];
	script_put(at + 2, 2, len);
	script_put(at + 4, 4, after);
	recorder->now = input->mono_ns;
	recorder->len = (size_t)(at + SCRIPT_RECORD + len - recorder->data);
	return at + SCRIPT_RECORD;
}

static uint8_t
code_of(int code)
{
	return code == 0 ? 0 : code == SHOAL_ERR_TIMEOUT ? 1 : code == SHOAL_ERR_REFUSED ? 2 : 3;
}

static void
add_data(struct recorder *recorder, const struct shoal_input *input)
{
	size_t len = input->len;
	uint8_t *at;

	switch (input->kind) {
	case SHOAL_INPUT_DATAGRAM:
		at = add(recorder, SCRIPT_DATAGRAM, input, 4 + len);
		script_put(at, 4, input->mono_ns - input->received_ns);
		memcpy(at + 4, input->data, len);
		break;
	case SHOAL_INPUT_STREAM:
		memcpy(add(recorder, SCRIPT_STREAM, input, len), input->data, len);
		break;
	case SHOAL_INPUT_REQUEST:
		memcpy(add(recorder, SCRIPT_REQUEST, input, len), input->data, len);
		break;
	case SHOAL_INPUT_WATCHED:
		memcpy(add(recorder, SCRIPT_WATCHED, input, len), input->data, len);
		break;
	case SHOAL_INPUT_RESULT:
		at = add(recorder, SCRIPT_RESULT, input, 9 + len);
		script_put(at, 8, input->exchange);
		at[8] = code_of(input->code);
		if (len != 0) {
			memcpy(at + 9, input->data, len);
		}
		break;
	default:
		break;
	}
}

static void
on_record(uint32_t node, const struct shoal_core_config *config, const struct shoal_input *input,
        void *arg)
{
	struct recorder *recorder = arg;

	if (node != RECORDED) {
		return;
	}
	if (config != NULL && recorder->starts++ == 0) {
		begin(recorder, (enum shoal_profile_kind)recorder->data[0], config);
	}
	/* The script is of the node's first life, as long as it has room. */
	if (input == NULL || recorder->starts != 1 ||
	        recorder->len + input->len + 3 * SCRIPT_RECORD + 16 > SCRIPT_MAX) {
		return;
	}
	switch (input->kind) {
	case SHOAL_INPUT_TIMER:
		(void)add(recorder, SCRIPT_TIMER, input, 0);
		break;
	case SHOAL_INPUT_REFUSED:
		(void)add(recorder, SCRIPT_REFUSED, input, 0);
		break;
	case SHOAL_INPUT_JOIN:
		(void)add(recorder, SCRIPT_JOIN, input, 0);
		break;
	case SHOAL_INPUT_LEAVE:
		(void)add(recorder, SCRIPT_LEAVE, input, 0);
		break;
	default:
		add_data(recorder, input);
		break;
	}
}

/* What happens to the cluster, after all have joined. */
static void
story(struct shoal_sim *sim, unsigned which)
{
	struct shoal_sim_link lossy = {.latency_min_ns = SHOAL_MS(1),
	        .latency_max_ns = SHOAL_MS(20),
	        .jitter_ns = SHOAL_MS(5),
	        .reorder_ns = SHOAL_MS(100),
	        .loss_ppm = 300000,
	        .duplicate_ppm = 100000,
	        .reorder_ppm = 100000,
	        .corrupt_ppm = 20000};

	switch (which) {
	case 0:
		(void)shoal_sim_crash(sim, 2, SHOAL_SIM_CRASH_HOST);
		break;
	case 1:
		(void)shoal_sim_crash(sim, 0, SHOAL_SIM_CRASH_PROCESS);
		(void)shoal_sim_run(sim, shoal_sim_now(sim) + SHOAL_SEC(1));
		(void)shoal_sim_start(sim, 0);
		(void)shoal_sim_join(sim, 0, RECORDED);
		break;
	case 2:
		(void)shoal_sim_leave(sim, 3);
		break;
	case 3:
		(void)shoal_sim_leave(sim, RECORDED);
		break;
	case 4:
		(void)shoal_sim_set_link(sim, &lossy);
		break;
	case 5:
		shoal_sim_group(sim, RECORDED, 1);
		(void)shoal_sim_run(sim, shoal_sim_now(sim) + SHOAL_SEC(15));
		shoal_sim_heal(sim);
		break;
	case 6:
		(void)shoal_sim_stall(sim, RECORDED, SHOAL_SEC(3));
		break;
	default:
		shoal_sim_cut(sim, 0, RECORDED);
		break;
	}
}

#define STORIES 8

static int
play(struct recorder *recorder, enum shoal_profile_kind kind, unsigned which)
{
	struct shoal_sim_config config;
	struct shoal_sim *sim;
	int rc;

	memset(recorder, 0, sizeof(*recorder));
	recorder->data[0] = (uint8_t)kind;
	shoal_sim_config_init(&config);
	config.seed = 1 + which;
	config.nodes = NODES;
	(void)shoal_profile_init(&config.profile, kind);
	rc = shoal_sim_new(&sim, &config);
	if (rc != 0) {
		return rc;
	}
	shoal_sim_set_record(sim, on_record, recorder);
	for (uint32_t i = 0; i < NODES && rc == 0; i++) {
		rc = shoal_sim_start(sim, i);
		if (rc == 0 && i > 0) {
			rc = shoal_sim_join(sim, i, 0);
		}
		rc = rc == 0 ? shoal_sim_run(sim, shoal_sim_now(sim) + SHOAL_MS(100)) : rc;
	}
	if (rc == 0) {
		story(sim, which);
		rc = shoal_sim_run(sim, shoal_sim_now(sim) + SHOAL_SEC(30));
	}
	shoal_sim_free(sim);
	return rc;
}

/* A script of drawn records, of the ops that do not depend on what the core draws: they stay
 * meaningful when it changes. */
static void
draw(struct recorder *recorder, unsigned which)
{
	static const enum script_op ops[] = {SCRIPT_DEADLINE, SCRIPT_DEADLINE, SCRIPT_ACK,
	        SCRIPT_ACK, SCRIPT_STATEMENTS, SCRIPT_STATEMENTS, SCRIPT_ECHO, SCRIPT_REFUSED,
	        SCRIPT_JOIN, SCRIPT_ORDER, SCRIPT_ORDER};
	/* The first ones without orders. */
	uint32_t count = sizeof(ops) / sizeof(ops[0]) - (which < DRAWN / 2 ? 2 : 0);
	struct shoal_rng rng;
	struct shoal_input at = {.mono_ns = SHOAL_SEC(100)};

	memset(recorder, 0, sizeof(*recorder));
	shoal_rng_init(&rng, which, 0);
	recorder->data[0] = (uint8_t)which;
	memset(recorder->data + 1, 0x5a, 40);
	script_put(recorder->data + 41, 8, at.mono_ns << 2);
	script_put(recorder->data + 49, 8, SHOAL_SEC(1800000000) << 2);
	recorder->len = SCRIPT_HEAD;
	recorder->now = at.mono_ns;
	for (unsigned i = 0; i < 120; i++) {
		enum script_op op = ops[shoal_rng_below(&rng, count)];
		size_t len = op == SCRIPT_STATEMENTS ? 6 * (1 + shoal_rng_below(&rng, 4)) : 4;

		len = op == SCRIPT_ORDER ? 12 : len;
		uint8_t *bytes = add(recorder, op, &at, len);

		bytes[-SCRIPT_RECORD + 1] = (uint8_t)shoal_rng_u32(&rng);
		for (size_t j = 0; j < len; j++) {
			bytes[j] = (uint8_t)shoal_rng_u32(&rng);
		}
	}
}

static int
write_script(const char *folder, const char *name, unsigned number, const struct recorder *recorder)
{
	char path[4096];
	FILE *file;
	bool whole;

	(void)snprintf(path, sizeof(path), "%s/%s-%02u", folder, name, number);
	file = fopen(path, "wbe");
	if (file == NULL) {
		return -1;
	}
	whole = fwrite(recorder->data, 1, recorder->len, file) == recorder->len;
	return fclose(file) == 0 && whole ? 0 : -1;
}

int
main(int argc, char **argv)
{
	static struct recorder recorder;

	if (argc != 2) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	for (unsigned which = 0; which < STORIES; which++) {
		enum shoal_profile_kind kind =
		        which % 2 == 0 ? SHOAL_PROFILE_LAN : SHOAL_PROFILE_LOCAL;

		if (play(&recorder, kind, which) != 0 ||
		        write_script(argv[1], "sim", which, &recorder) != 0) {
			fprintf(stderr, "story %u failed\n", which);
			return 1;
		}
		recorder.data[0] |= SCRIPT_SEALED;
		if (write_script(argv[1], "sealed", which, &recorder) != 0) {
			return 1;
		}
		/* MessagePack and JSON, in clear every other time. */
		recorder.data[0] = (uint8_t)(kind + 3 * (1 + which % 2));
		recorder.data[0] |= which % 4 < 2 ? 0 : SCRIPT_SEALED;
		if (write_script(argv[1], "coded", which, &recorder) != 0) {
			return 1;
		}
	}
	for (unsigned which = 0; which < DRAWN; which++) {
		draw(&recorder, which);
		if (write_script(argv[1], "drawn", which, &recorder) != 0) {
			return 1;
		}
	}
	return 0;
}
