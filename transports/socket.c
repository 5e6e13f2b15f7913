/* SPDX-License-Identifier: MIT */
/* What udp and tcp share of the socket calls.
 *
 * An address is one struct shoal_addr everywhere above this file: IPv4 mapped, the scope only where
 * it means something (link-local), so that two forms of one address never differ. IPv6 sockets are
 * V6ONLY: a dual-stack socket would take the port of the other family, and would need the error
 * queue and the options of both.
 *
 * The texts of shoal_socket_explain are what an operator sees when an agent does not start: they
 * name the transport and the address, and say what to do. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "base/hash.h"
#include "base/text.h"
#include "transports/process.h"
#include "transports/socket.h"

static bool
is_link_local(const uint8_t ip[16])
{
	return ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80;
}

socklen_t
shoal_socket_from_addr(union shoal_sockaddr *to, const struct shoal_addr *addr)
{
	memset(to, 0, sizeof(*to));
	if (shoal_addr_is_ipv4(addr)) {
		to->v4.sin_family = AF_INET;
		to->v4.sin_port = htons(addr->port);
		memcpy(&to->v4.sin_addr, addr->ip + 12, 4);
		return sizeof(to->v4);
	}
	to->v6.sin6_family = AF_INET6;
	to->v6.sin6_port = htons(addr->port);
	memcpy(&to->v6.sin6_addr, addr->ip, 16);
	to->v6.sin6_scope_id = is_link_local(addr->ip) ? addr->scope : 0;
	return sizeof(to->v6);
}

bool
shoal_socket_to_addr(struct shoal_addr *addr, const struct sockaddr *from)
{
	const struct sockaddr_in *v4 = (const void *)from;
	const struct sockaddr_in6 *v6 = (const void *)from;
	struct shoal_addr found = {.port = 0};
	uint8_t ip[4];

	switch (from->sa_family) {
	case AF_INET:
		memcpy(ip, &v4->sin_addr, sizeof(ip));
		shoal_addr_from_ipv4(addr, ip, ntohs(v4->sin_port));
		return true;
	case AF_INET6:
		memcpy(found.ip, &v6->sin6_addr, 16);
		if (shoal_addr_is_web(&found)) {
			return false;
		}
		found.port = ntohs(v6->sin6_port);
		found.scope = is_link_local(found.ip) ? v6->sin6_scope_id : 0;
		*addr = found;
		return true;
	default:
		return false;
	}
}

int
shoal_socket_open(const struct shoal_addr *addr, int type)
{
	int family = shoal_addr_is_ipv4(addr) ? AF_INET : AF_INET6;
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && family == AF_INET6) {
		shoal_socket_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	}
	return fd;
}

int
shoal_socket_bind(int fd, const struct shoal_addr *addr, struct shoal_addr *bound)
{
	union shoal_sockaddr name;
	socklen_t len = shoal_socket_from_addr(&name, addr);
	if (bind(fd, &name.any, len) != 0) {
		return -1;
	}
	len = sizeof(name);
	if (getsockname(fd, &name.any, &len) != 0) {
		return -1;
	}
	*bound = *addr;
	return shoal_socket_to_addr(bound, &name.any) ? 0 : -1;
}

bool
shoal_socket_is_self(int fd)
{
	union shoal_sockaddr name[2];
	socklen_t len[2] = {sizeof(name[0]), sizeof(name[1])};
	struct shoal_addr addr[2];

	return getsockname(fd, &name[0].any, &len[0]) == 0 &&
	       getpeername(fd, &name[1].any, &len[1]) == 0 &&
	       shoal_socket_to_addr(&addr[0], &name[0].any) &&
	       shoal_socket_to_addr(&addr[1], &name[1].any) && shoal_addr_equal(&addr[0], &addr[1]);
}

bool
shoal_socket_set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

int
shoal_socket_code(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return SHOAL_ERR_REFUSED;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
	case EINVAL:
	case EACCES:
	case EPERM:
		return SHOAL_ERR_UNREACHABLE;
	case ETIMEDOUT:
		return SHOAL_ERR_TIMEOUT;
	case ECONNRESET:
	case EPIPE:
		return SHOAL_ERR_CLOSED;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return SHOAL_ERR_LIMIT;
	default:
		return SHOAL_ERR_SYSTEM;
	}
}

/* The code of a failed open or bind, and the words for it; *todo is NULL where there is no advice.
 */
static int
bind_code(int error, const char **what, const char **todo)
{
	*what = strerrordesc_np(error);
	*todo = NULL;
	switch (error) {
	case EADDRINUSE:
		*what = "address already in use";
		*todo = "choose another port or stop the program that has it";
		return SHOAL_ERR_IN_USE;
	case EACCES:
	case EPERM:
		*what = "permission denied";
		*todo = "choose a port above 1023 or run with the right to bind this one";
		return SHOAL_ERR_PERMISSION;
	case EADDRNOTAVAIL:
		*what = "no interface of this machine has this address";
		*todo = "bind to one that it has, or to all with 0.0.0.0 or [::]";
		return SHOAL_ERR_INVALID;
	case EINVAL:
	case ENODEV:
		*what = "not an address to bind to";
		*todo = "a link-local address needs the number of its interface, as in [fe80::1%2]:7946";
		return SHOAL_ERR_INVALID;
	case EAFNOSUPPORT:
		*what = "this machine does not have this address family";
		*todo = "bind to an address of the other one";
		return SHOAL_ERR_INVALID;
	case EMFILE:
	case ENFILE:
		*what = "too many open files";
		*todo = "raise the limit of open files (ulimit -n)";
		return SHOAL_ERR_SYSTEM;
	case ENOMEM:
	case ENOBUFS:
		return SHOAL_ERR_NOMEM;
	default:
		return SHOAL_ERR_SYSTEM;
	}
}

int
shoal_socket_explain(
        const char *transport, const struct shoal_addr *addr, int error, char *why, size_t len)
{
	const char *what, *todo;
	int code = bind_code(error, &what, &todo);
	struct shoal_text text;
	shoal_text_init(&text, why, len);
	shoal_text_str(&text, transport);
	shoal_text_char(&text, ' ');
	shoal_text_addr(&text, addr);
	shoal_text_str(&text, ": ");
	shoal_text_str(&text, what != NULL ? what : "a system call failed");
	if (todo != NULL) {
		shoal_text_str(&text, "; ");
		shoal_text_str(&text, todo);
	}
	return code;
}

int
shoal_socket_check_env(const struct shoal_transport_ops *ops, const struct shoal_transport_env *env,
        char *why, size_t len)
{
	bool streams = (ops->caps & SHOAL_TRANSPORT_STREAM) != 0;
	const char *field = NULL;
	if (env->size < sizeof(*env)) {
		field = "size is not that of struct shoal_transport_env";
	} else if (env->base == NULL) {
		field = "base is not set";
	} else if ((ops->caps & SHOAL_TRANSPORT_WEB) == 0 &&
	           (env->bind == NULL || env->binds == 0)) {
		field = "bind names no address";
	} else if ((ops->caps & SHOAL_TRANSPORT_DATAGRAM) != 0 && env->datagram_max == 0) {
		field = "datagram_max is 0";
	} else if (streams && (env->stream_max == 0 || env->stream_max > UINT32_MAX)) {
		field = "stream_max is not a number from 1 to 4294967295";
	} else if (streams && env->connections_max == 0) {
		field = "connections_max is 0";
	} else if ((ops->caps & SHOAL_TRANSPORT_WATCH) != 0 && env->link_idle_ms < 1000) {
		field = "link_idle_ms is below 1000";
	}
	if (field == NULL) {
		return 0;
	}
	struct shoal_text text;
	shoal_text_init(&text, why, len);
	shoal_text_str(&text, ops->name);
	shoal_text_str(&text, ": ");
	shoal_text_str(&text, field);
	return SHOAL_ERR_INVALID;
}

struct shoal_allocator
shoal_socket_allocator(const struct shoal_transport_env *env, const struct shoal_allocator *own)
{
	return env->allocator != NULL ? *env->allocator : *own;
}

bool
shoal_socket_random_key(uint64_t key[2])
{
	return getrandom(key, 2 * sizeof(*key), 0) == 2 * sizeof(*key);
}

uint64_t
shoal_socket_hash(const uint64_t key[2], const struct shoal_addr *addr)
{
	uint8_t bytes[22];
	memcpy(bytes, addr->ip, 16);
	memcpy(bytes + 16, &addr->port, 2);
	memcpy(bytes + 18, &addr->scope, 4);
	return shoal_hash_sip(key, bytes, sizeof(bytes));
}

uint64_t
shoal_socket_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void
shoal_socket_soon(struct event *timer)
{
	const struct timeval at_once = {0};
	if (evtimer_add(timer, &at_once) != 0) {
		event_active(timer, EV_TIMEOUT, 0);
	}
}

struct timeval
shoal_socket_until(uint64_t now, uint64_t at)
{
	uint64_t us = at > now ? (at - now) / 1000 + ((at - now) % 1000 != 0) : 0;
	return (struct timeval){
	        .tv_sec = (time_t)(us / 1000000), .tv_usec = (suseconds_t)(us % 1000000)};
}

struct shoal_addr
shoal_socket_source(const struct shoal_addr *peer)
{
	struct shoal_addr source = *peer;

	source.port = 0;
	if (!shoal_addr_is_ipv4(peer) && source.scope == 0 && !shoal_addr_is_loopback(peer)) {
		memset(source.ip + 8, 0, 8);
	}
	return source;
}

bool
shoal_socket_is_forked(uint64_t owner)
{
	return owner != shoal_process_number();
}
