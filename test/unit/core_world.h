/* SPDX-License-Identifier: MIT */
/* A small world for tests of the core: real cores in virtual time, and puppets, members that exist
 * only as an identity and say what the test makes them say. Everything that a core sends is kept
 * and decoded, every event is kept; packets between cores are delivered after `latency`, those to
 * puppets are not, but a puppet may answer pings by itself.
 *
 * Time stands still unless world_run moves it, and then each core gets its timer input at exactly
 * its deadline, so that tests can name the nanosecond. Cost: linear lists, meant for tens of
 * members. */
#ifndef SHOAL_TEST_CORE_WORLD_H
#define SHOAL_TEST_CORE_WORLD_H

#include <shoal/core.h>

#include "wire/message.h"

#define WORLD_NODES   24
#define WORLD_PUPPETS 256
#define WORLD_URLS    32
#define WORLD_EPOCH   UINT64_C(1700000000) /* seconds since 1970 when a world begins */

enum puppet_answer {
	PUPPET_DATAGRAMS = 1, /* pings in datagrams */
	PUPPET_STREAMS = 2,   /* pings in requests */
	PUPPET_REFUSES = 4    /* its host refuses requests */
};

struct puppet {
	struct shoal_id id;
	struct shoal_salt salt;
	struct shoal_addr addr;
	uint64_t incarnation, moved;
	char name[16];
	unsigned answers;       /* enum puppet_answer */
	struct shoal_addr also; /* a second address, where its port is not 0 */
	unsigned answers_also;  /* ... and how it answers there */
};

struct world_message {
	uint16_t kind;
	union shoal_wire_message m; /* spans point into the packet */
};

/* Something that a core sent. */
struct world_packet {
	struct world_packet *next;
	size_t node; /* the sender */
	uint64_t at;
	enum shoal_send_kind kind;
	struct shoal_addr to;
	bool named; /* the core said what URL the address stands for */
	uint64_t exchange, timeout_ns;
	struct world_message *message;
	size_t messages;
	uint8_t *data;
	size_t len;
};

struct world_event {
	size_t node;
	struct shoal_event event;
};

struct world_flight;

struct world_node {
	struct shoal_core *core;
	struct shoal_addr addr, other; /* other: where it has two, the second */
	bool up;
	size_t wakes;                      /* timer inputs that it asked for */
	struct shoal_addr url[WORLD_URLS]; /* that its transport knows: see core_urls.c */
	size_t urls;
};

struct core_world {
	uint64_t now, latency;
	uint64_t ns_per_byte;    /* that replies of cores take besides */
	struct shoal_span label; /* of the packets that puppets send */
	struct world_node node[WORLD_NODES];
	size_t nodes;
	struct puppet puppet[WORLD_PUPPETS];
	size_t puppets;
	struct world_packet *sent, *last;
	struct world_event *event;
	size_t events, events_room;
	struct world_flight *flight;
	struct {
		size_t node;
		uint64_t exchange;
		uint64_t timeout;
	} * request;
	size_t requests, requests_room;
	bool streams; /* datagrams go by streams, from the port of a connection */
	/* Whether the network loses this packet; NULL: it loses none. */
	bool (*loses)(const struct core_world *world, const struct world_packet *packet);
	/* Sees each input of a core before the core does; may be NULL. */
	void (*on_input)(struct core_world *world, size_t node, const struct shoal_input *input);
	/* Sees each record of the log; may be NULL. */
	void (*on_log)(
	        struct core_world *world, size_t node, const struct shoal_log_record *record);
	void *arg; /* the test's */
};

/* A packet that a test writes. */
struct parcel {
	uint8_t data[65536];
	struct shoal_writer writer;
};

void world_init(struct core_world *world);
void world_done(struct core_world *world);

/* The config of the node that world_add will make next: seed, salt, name and address follow from
 * its number. */
void world_config(const struct core_world *world, struct shoal_core_config *config);
/* config NULL: that of world_config. Returns the number of the node. */
size_t world_add(struct core_world *world, const struct shoal_core_config *config);
/* Frees a core and makes another one under its number, its name and address: a restart. */
void world_restart(struct core_world *world, size_t node);
/* The first two nodes, of which the first has this allocator; the other joins nobody. What is not
 * OK is why the first one cannot be made; then there is none. */
int world_add_pair(struct core_world *world, const struct shoal_allocator *mem);
struct shoal_core *world_core(const struct core_world *world, size_t node);
struct shoal_id world_id(const struct core_world *world, size_t node);

/* One input at the present time; what the core then sends and tells is kept. */
int world_step(struct core_world *world, size_t node, struct shoal_input input);
int world_join(struct core_world *world, size_t node, size_t seed);
void world_drain(struct core_world *world, size_t node);
/* Its transport knows that address from now on. */
void world_hears(struct world_node *node, const struct shoal_addr *addr);
/* Whether a packet leaves the node at all. */
bool world_leaves(struct world_node *node, const struct shoal_send *send);
/* Lets the time pass. */
void world_run(struct core_world *world, uint64_t ns);
/* At most ns, until the node has told of an event of this kind. NULL: it did not. */
const struct shoal_event *world_await(
        struct core_world *world, size_t node, enum shoal_event_kind kind, uint64_t ns);

/* The same for a packet, as world_sent tells them. */
const struct world_packet *world_await_sent(struct core_world *world, size_t node,
        const struct shoal_addr *to, unsigned kind, uint64_t ns);

/* A new puppet, alive at a fresh incarnation; nobody knows it yet. */
struct puppet *world_puppet(struct core_world *world);
/* The same, and the node learns of it. */
struct puppet *world_meet(struct core_world *world, size_t node, unsigned answers);
/* world_init, world_add, and a number of puppets that the node meets. */
void world_begin(struct core_world *world, const struct shoal_core_config *config, size_t puppets,
        unsigned answers);
/* The short form of its salt, computed apart from the library's. */
uint64_t puppet_salt(const struct puppet *puppet);
struct shoal_msg_member puppet_member(const struct puppet *puppet, enum shoal_state state);
struct shoal_msg_state puppet_state(const struct puppet *puppet, enum shoal_state state);

void parcel_begin(struct parcel *parcel, struct shoal_span label);
void parcel_add(struct parcel *parcel, enum shoal_message_kind kind, const void *message);
void parcel_end(struct parcel *parcel);

/* A datagram from a puppet with one message. Those that do not name their sender are opened by one
 * that does. */
int world_tell(struct core_world *world, size_t node, const struct puppet *from,
        enum shoal_message_kind kind, const void *message);
/* A datagram with one message as it is, from an address. */
int world_send(struct core_world *world, size_t node, const struct shoal_addr *from,
        enum shoal_message_kind kind, const void *message);
/* A packet from an address. */
int world_datagram(struct core_world *world, size_t node, const struct shoal_addr *from,
        const struct parcel *parcel);
int world_request(struct core_world *world, size_t node, const struct shoal_addr *from,
        uint64_t exchange, const struct parcel *parcel);
/* The end of a request of the node, with one message (NULL: none) as the reply. */
int world_answer(struct core_world *world, const struct world_packet *request, int code,
        enum shoal_message_kind kind, const void *message);
/* The same with a whole packet. */
int world_result(struct core_world *world, const struct world_packet *request, int code,
        const struct parcel *parcel);

/* Nothing that is under way arrives. */
void world_drop_flights(struct core_world *world);

/* Forgets what was sent and told so far; or what was sent only. */
void world_clear(struct core_world *world);
void world_forget_sent(struct core_world *world);
/* The first packet after `after` (NULL: from the start) that the node sent to `to` (NULL: anybody)
 * with a message of this kind (0: any). NULL: none. */
const struct world_packet *world_sent(const struct core_world *world,
        const struct world_packet *after, size_t node, const struct shoal_addr *to, unsigned kind);
size_t world_count_sent(
        const struct core_world *world, size_t node, const struct shoal_addr *to, unsigned kind);
/* The first message of a kind; NULL: none. */
const union shoal_wire_message *packet_has(const struct world_packet *packet, unsigned kind);
/* Whether a statement about the id is in it, and which: state 0: none. */
enum shoal_state packet_state_of(const struct world_packet *packet, const struct shoal_id *id);

/* The n-th event of a kind, of a member or (id NULL) of any; NULL: none. */
const struct shoal_event *world_event(const struct core_world *world, size_t node,
        enum shoal_event_kind kind, const struct shoal_id *id, size_t n);
size_t world_count_events(const struct core_world *world, size_t node, enum shoal_event_kind kind);

uint64_t world_counter(const struct core_world *world, size_t node, enum shoal_counter counter);
/* What the node holds of an id; false: nothing. */
bool world_holds(const struct core_world *world, size_t node, const struct shoal_id *id,
        struct shoal_core_member *member);
/* SHOAL_STATES: not held. */
enum shoal_state world_state(
        const struct core_world *world, size_t node, const struct shoal_id *id);

#endif
