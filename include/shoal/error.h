/* SPDX-License-Identifier: MIT */
/* shoal/error.h - result codes. Success is 0, every failure is negative. */
#ifndef SHOAL_ERROR_H
#define SHOAL_ERROR_H

#include <shoal/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(NAME, label, value, text). Values are ABI: append, never renumber. Codes at or below
 * SHOAL_ERR_FATAL leave the object unusable: free it. The label is the name in lower case, for logs
 * and metrics. */
#define SHOAL_ERROR_TABLE(X)                                                                       \
	X(INVALID, invalid, -1, "invalid argument")                                                \
	X(MALFORMED, malformed, -2, "malformed message")                                           \
	X(TOO_BIG, too_big, -3, "larger than a configured limit")                                  \
	X(STATE, state, -4, "not possible in the current state")                                   \
	X(NOT_FOUND, not_found, -5, "no such member")                                              \
	X(LIMIT, limit, -6, "a configured limit was reached")                                      \
	X(AUTH, auth, -7, "message failed authentication")                                         \
	X(UNSUPPORTED, unsupported, -8, "not supported by this build")                             \
	X(WOULD_BLOCK, would_block, -9, "a blocking call on the loop's or the callbacks' thread")  \
	X(TIMEOUT, timeout, -10, "timed out")                                                      \
	X(AGAIN, again, -11, "a queue is full, try again later")                                   \
	X(REFUSED, refused, -12, "connection refused")                                             \
	X(UNREACHABLE, unreachable, -13, "host or network unreachable")                            \
	X(CLOSED, closed, -14, "connection closed by the peer")                                    \
	X(REJECTED, rejected, -15, "the peer refused the join")                                    \
	X(ID_CONFLICT, id_conflict, -16, "another live member has this id")                        \
	X(IN_USE, in_use, -17, "address already in use")                                           \
	X(PERMISSION, permission, -18, "permission denied")                                        \
	X(RESOLVE, resolve, -19, "host name could not be resolved")                                \
	X(CANCELED, canceled, -20, "canceled")                                                     \
	X(LABEL, label, -21, "another cluster's label")                                            \
	X(CHECKSUM, checksum, -22, "checksum does not match")                                      \
	X(VERSION, version, -23, "protocol version not spoken here")                               \
	X(TYPE, type, -24, "value has another type")                                               \
	X(SYSTEM, system, -25, "a system call failed")                                             \
	X(NO_SEED, no_seed, -26, "no seed could be reached")                                       \
	X(KEY, key, -27, "sealed with a key that is not held here")                                \
	X(REPLAYED, replayed, -28, "a packet that was there before")                               \
	X(MISDIRECTED, misdirected, -29, "sealed for another member or instance")                  \
	X(CLEAR, clear, -30, "not sealed, and only what is sealed is taken here")                  \
	X(WALLED, walled, -31,                                                                     \
	        "the member cannot be dialled from here, and did not dial this one")               \
	X(CODEC, codec, -32, "another codec than this cluster's")                                  \
	X(NOMEM, nomem, -501, "out of memory")                                                     \
	X(CALLBACK, callback, -502, "a callback of the application failed")

enum shoal_error {
	SHOAL_OK = 0,
#define SHOAL_X(name, label, value, text) SHOAL_ERR_##name = (value),
	SHOAL_ERROR_TABLE(SHOAL_X)
#undef SHOAL_X
	SHOAL_ERR_FATAL = -500
};

/* English text of a code, "ok" for 0, "unknown error" for a number that is none. Static, never
 * NULL. */
SHOAL_API const char *shoal_strerror(int code);

/* The bare name in lower case ("malformed"), for logs and labels. Static, never NULL. */
SHOAL_API const char *shoal_error_name(int code);

/* Called when an assertion of the library fails, that is, on a bug of ours, never on anything that
 * a peer or a caller sent. The process ends after it returns. May be set once at start, from any
 * thread; NULL unsets. */
typedef void (*shoal_panic_fn)(const char *expression, const char *file, int line);
SHOAL_API void shoal_on_panic(shoal_panic_fn fn);

#ifdef __cplusplus
}
#endif

#endif
