/* SPDX-License-Identifier: MIT */
/* The entry points of agent_fuzz: what an agent reads beside packets. */
#ifndef SHOAL_TEST_FUZZ_AGENT_H
#define SHOAL_TEST_FUZZ_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Aborts: a promise was broken. */
void fuzz_expect(bool fact);

/* Sends bytes to fd in cuts (each of `cut` + 1 bytes; 255: all at once), and calls turn after each;
 * what comes back is thrown away. Returns how many bytes came back; the first of them are in
 * head. */
size_t fuzz_talk(int fd, const uint8_t *data, size_t size, uint8_t cut, void (*turn)(void),
        char *head, size_t head_len);

/* HTTP as somebody who reaches the control socket (or, reads_only, the address of --http) sends
 * it to the agent of one of two members. */
void fuzz_control(bool reads_only, uint8_t cut, const uint8_t *data, size_t size);

/* The file of --config. */
void fuzz_config_file(const uint8_t *data, size_t size);

/* A TCP stream as a peer sends it that dialled this host (accepted) or that was dialled by it. */
void fuzz_stream(bool accepted, uint8_t cut, const uint8_t *data, size_t size);

#endif
