/* SPDX-License-Identifier: MIT */
/* The config: its defaults, its fields by name, its check, and the copy that a cluster keeps.
 *
 * Every field has one row in a table (numbers here and in profile.h, strings here), and defaults,
 * bounds, setting by name and messages come from it. A refusal names the field, the value and what
 * is allowed, because its reader is somebody with a config file. The struct starts with its own
 * size: what a program that was compiled with an older header does not know gets its default, and
 * what this library does not know must be zero. */
#include "cluster/config/config.h"

#include "base/alloc.h"
#include "base/text.h"
#include "cluster/config/certs.h"
#include "cluster/config/encoding.h"
#include "cluster/config/forms.h"
#include "cluster/config/keyring.h"
#include "cluster/config/names.h"
#include "cluster/config/ranges.h"
#include "cluster/members/metadata.h"
#include "cluster/report/last_error.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

/* X(field, minimum, maximum, default) */
#define NUMBER_TABLE(X)                                                                            \
	X(app_version, 0, UINT32_MAX, 0)                                                           \
	X(connections_max, 4, 65536, 256)                                                          \
	X(idle_timeout_ms, 100, 86400000, 60000)                                                   \
	X(events_max, 1, 1000000, 4096)                                                            \
	X(record_bytes, 0, UINT32_MAX, 0)                                                          \
	X(record_redact, 0, 1, 0)                                                                  \
	X(history_max, 0, 1000000, 4096)                                                           \
	X(state_interval_ms, 10, 3600000, 10000)                                                   \
	X(accept_clear, 0, 2, 0)                                                                   \
	X(compress_min, 0, UINT32_MAX, 1024)                                                       \
	X(coalesce_ms, 0, 60000, 0)                                                                \
	X(accept_unlabelled, 0, 2, 0)                                                              \
	X(accept_for_ms, 0, UINT32_MAX, 0)                                                         \
	X(log_rate, 0, 1000000, 20)                                                                \
	X(tls, 0, 1, 0)                                                                            \
	X(tls_insecure, 0, 1, 0)                                                                   \
	X(tls_client_certs, 0, 1, 0)

#define STRING_TABLE(X)                                                                            \
	X(id)                                                                                      \
	X(name)                                                                                    \
	X(label)                                                                                   \
	X(bind)                                                                                    \
	X(advertise)                                                                               \
	X(record)                                                                                  \
	X(state_dir)                                                                               \
	X(tags)                                                                                    \
	X(allow)                                                                                   \
	X(keyring)                                                                                 \
	X(codec)                                                                                   \
	X(transport)                                                                               \
	X(token)                                                                                   \
	X(dns)                                                                                     \
	X(family)                                                                                  \
	X(tls_ca)                                                                                  \
	X(tls_cert)                                                                                \
	X(tls_key)                                                                                 \
	X(tls_name)

/* Fields of which each has its own form. */
#define PARSED_TABLE(X) X(profile) X(run) X(log_level) X(seed)

#define RECORD_BYTES_MIN 65536u

void
shoal_config_init_sized(struct shoal_config *config, size_t size)
{
	struct shoal_config init = {
	        .size = size, .bind = "127.0.0.1:7946", .log_level = SHOAL_LOG_INFO};

	if (config == NULL) {
		return;
	}
#define SHOAL_X(field, min, max, value) init.field = (value);
	NUMBER_TABLE(SHOAL_X)
#undef SHOAL_X
	(void)shoal_profile_init(&init.profile, SHOAL_PROFILE_LAN);
	memset(config, 0, size);
	memcpy(config, &init, size < sizeof(init) ? size : sizeof(init));
}

int
shoal_config_profile(struct shoal_config *config, enum shoal_profile_kind kind)
{
	if (config == NULL) {
		return shoal_last_error_set(SHOAL_ERR_INVALID, "config: NULL");
	}
	if (shoal_profile_init(&config->profile, kind) != 0) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "profile: %d; allowed are SHOAL_PROFILE_LAN, _WAN and _LOCAL", (int)kind);
	}
	return 0;
}

static int
set_number(uint32_t *field, const char *name, const char *value, uint64_t min, uint64_t max)
{
	uint64_t number;

	if (!shoal_text_parse_u64(value, max, &number) || number < min) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "%s: \"%s\"; allowed are %" PRIu64 " to %" PRIu64, name, value, min, max);
	}
	*field = (uint32_t)number;
	return 0;
}

static int
set_profile(struct shoal_config *config, const char *value)
{
	enum shoal_profile_kind kind;

	if (shoal_profile_parse(&kind, value) != 0) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "profile: \"%s\"; allowed are lan, wan and local", value);
	}
	return shoal_config_profile(config, kind);
}

static int
set_run(struct shoal_config *config, const char *value)
{
	if (strcmp(value, "threads") == 0) {
		config->run = SHOAL_RUN_THREADS;
	} else if (strcmp(value, "dispatch") == 0) {
		config->run = SHOAL_RUN_DISPATCH;
	} else {
		return shoal_last_error_set(
		        SHOAL_ERR_INVALID, "run: \"%s\"; allowed are threads and dispatch", value);
	}
	return 0;
}

static int
set_log_level(struct shoal_config *config, const char *value)
{
	if (shoal_log_level_parse(&config->log_level, value) != 0) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "log_level: \"%s\"; allowed are error, warn, info and debug", value);
	}
	return 0;
}

static int
set_seed(struct shoal_config *config, const char *value)
{
	if (!shoal_text_parse_u64(value, UINT64_MAX, &config->seed)) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "seed: \"%s\"; allowed are 0 to %" PRIu64, value, UINT64_MAX);
	}
	return 0;
}

static int
set_profile_field(struct shoal_config *config, const char *field, const char *value)
{
	int rc = shoal_profile_set(&config->profile, field, value);

	if (rc == SHOAL_ERR_NOT_FOUND) {
		return shoal_last_error_set(rc, "%s: no such field of the config", field);
	}
#define SHOAL_X(name, min, max, lan, wan, local, text)                                             \
	if (rc != 0 && strcmp(field, #name) == 0)                                                  \
		return shoal_last_error_set(                                                       \
		        rc, "%s: \"%s\"; allowed are %u to %u", field, value, min, max);
	SHOAL_PROFILE_TABLE(SHOAL_X)
#undef SHOAL_X
	return rc;
}

int
shoal_config_set(struct shoal_config *config, const char *field, const char *value)
{
	if (config == NULL || field == NULL || value == NULL) {
		return shoal_last_error_set(SHOAL_ERR_INVALID, "config, field and value: NULL");
	}
#define SHOAL_X(name)                                                                              \
	if (strcmp(field, #name) == 0) {                                                           \
		config->name = value;                                                              \
		return 0;                                                                          \
	}
	STRING_TABLE(SHOAL_X)
#undef SHOAL_X
#define SHOAL_X(name, min, max, init)                                                              \
	if (strcmp(field, #name) == 0)                                                             \
		return set_number(&config->name, field, value, min, max);
	NUMBER_TABLE(SHOAL_X)
#undef SHOAL_X
#define SHOAL_X(name)                                                                              \
	if (strcmp(field, #name) == 0)                                                             \
		return set_##name(config, value);
	PARSED_TABLE(SHOAL_X)
#undef SHOAL_X
	return set_profile_field(config, field, value);
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
is_fixed_number(const char *field)
{
	return strncmp(field, "accept_", strlen("accept_")) != 0;
}

static bool
is_fixed_text(const char *field)
{
	return strcmp(field, "tags") != 0 && strcmp(field, "allow") != 0 &&
	       strcmp(field, "advertise") != 0 && strcmp(field, "token") != 0;
}

void
shoal_settings_differ(const struct shoal_config *a, const struct shoal_config *b,
        void (*fn)(const char *field, bool fixed, void *arg), void *arg)
{
#define SHOAL_X(field)                                                                             \
	if (!same_text(a->field, b->field))                                                        \
		fn(#field, is_fixed_text(#field), arg);
	STRING_TABLE(SHOAL_X)
#undef SHOAL_X
#define SHOAL_X(field, min, max, init)                                                             \
	if (a->field != b->field)                                                                  \
		fn(#field, is_fixed_number(#field), arg);
	NUMBER_TABLE(SHOAL_X)
#undef SHOAL_X
#define SHOAL_X(field, min, max, lan, wan, local, text)                                            \
	if (a->profile.field != b->profile.field)                                                  \
		fn(#field, shoal_profile_is_fixed(#field), arg);
	SHOAL_PROFILE_TABLE(SHOAL_X)
#undef SHOAL_X
	if (a->log_level != b->log_level) {
		fn("log_level", false, arg);
	}
	if (a->seed != b->seed) {
		fn("seed", true, arg);
	}
}

static int
check_text(const char *field, const char *value, size_t max)
{
	size_t len = value != NULL ? strlen(value) : 0;

	if (len > max) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "%s: %zu bytes; allowed are at most %zu", field, len, max);
	}
	if (len > 0 && !shoal_text_is_utf8((const uint8_t *)value, len)) {
		return shoal_last_error_set(
		        SHOAL_ERR_INVALID, "%s: no valid UTF-8; allowed is UTF-8 text", field);
	}
	if (len > 0 && !shoal_text_is_name((const uint8_t *)value, len)) {
		return shoal_last_error_set(
		        SHOAL_ERR_INVALID, "%s: control characters are not allowed", field);
	}
	return 0;
}

static int
check_identity(struct shoal_settings *settings, const struct shoal_config *config)
{
	int rc;

	if (config->id != NULL && (shoal_id_parse(&settings->id, config->id) != 0 ||
	                                  shoal_id_is_zero(&settings->id))) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "id: \"%s\"; allowed is a UUID that is not all zero, 36 characters with "
		        "dashes or 32 without",
		        config->id);
	}
	rc = check_text("name", config->name, SHOAL_NAME_MAX);
	return rc != 0 ? rc : check_text("label", config->label, SHOAL_LABEL_MAX);
}

static int
check_run(const struct shoal_config *config)
{
	switch (config->run) {
	case SHOAL_RUN_THREADS:
	case SHOAL_RUN_DISPATCH:
		if (config->base != NULL) {
			return shoal_last_error_set(SHOAL_ERR_INVALID,
			        "base: set; allowed with run SHOAL_RUN_BASE only");
		}
		return 0;
	case SHOAL_RUN_BASE:
		if (config->base == NULL) {
			return shoal_last_error_set(SHOAL_ERR_INVALID,
			        "base: NULL; run SHOAL_RUN_BASE needs the event_base to run on");
		}
		return 0;
	}
	return shoal_last_error_set(SHOAL_ERR_INVALID,
	        "run: %d; allowed are SHOAL_RUN_THREADS, _DISPATCH and _BASE", (int)config->run);
}

static int
check_numbers(const struct shoal_config *config)
{
	char why[200];

#define SHOAL_X(field, min, max, init)                                                             \
	if ((int64_t)config->field < (int64_t)(min) || config->field > (max))                      \
		return shoal_last_error_set(SHOAL_ERR_INVALID,                                     \
		        #field ": %u; allowed are %u to %u", config->field, (unsigned)(min),       \
		        (unsigned)(max));
	NUMBER_TABLE(SHOAL_X)
#undef SHOAL_X
	if (shoal_profile_check(&config->profile, why, sizeof(why)) != 0) {
		return shoal_last_error_set(SHOAL_ERR_INVALID, "%s", why);
	}
	if (config->log_level < SHOAL_LOG_ERROR || config->log_level > SHOAL_LOG_DEBUG) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "log_level: %d; allowed are SHOAL_LOG_ERROR to SHOAL_LOG_DEBUG",
		        (int)config->log_level);
	}
	if (config->record_bytes != 0 && config->record_bytes < RECORD_BYTES_MIN) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "record_bytes: %u; allowed are 0 and %u to %u", config->record_bytes,
		        RECORD_BYTES_MIN, UINT32_MAX);
	}
	if (config->state_dir != NULL && config->state_dir[0] == '\0') {
		return shoal_last_error_set(
		        SHOAL_ERR_INVALID, "state_dir: \"\"; allowed is the name of a directory");
	}
	if (config->record != NULL && config->record[0] == '\0') {
		return shoal_last_error_set(
		        SHOAL_ERR_INVALID, "record: \"\"; allowed is the name of a file");
	}
	const struct shoal_allocator *mem = config->allocator;
	if (mem != NULL && (mem->malloc == NULL || mem->realloc == NULL || mem->free == NULL)) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "allocator: a function is NULL; malloc, realloc and free are needed");
	}
	return 0;
}

/* What the caller's struct says, with defaults where it ends early. */
static int
widen(struct shoal_config *wide, const struct shoal_config *config)
{
	const uint8_t *bytes = (const uint8_t *)config;

	if (config == NULL) {
		return shoal_last_error_set(SHOAL_ERR_INVALID, "config: NULL");
	}
	if (config->size <= offsetof(struct shoal_config, bind) || config->size > 65536) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "size: %zu; shoal_config_init was not called", config->size);
	}
	for (size_t i = sizeof(*wide); i < config->size; i++) {
		if (bytes[i] != 0) {
			return shoal_last_error_set(SHOAL_ERR_INVALID,
			        "size: %zu; a field is set that this version does not know",
			        config->size);
		}
	}
	shoal_config_init(wide);
	memcpy(wide, config, config->size < sizeof(*wide) ? config->size : sizeof(*wide));
	return 0;
}

static int
check(struct shoal_settings *settings, const struct shoal_config *config)
{
	int rc = check_identity(settings, config);

	if (rc == 0) {
		rc = shoal_metadata_check_tags(config->tags);
	}
	if (rc == 0) {
		rc = shoal_forms_check(settings, config);
	}
	if (rc == 0) {
		rc = shoal_ranges_parse(settings->allow, &settings->allows, config->allow);
	}
	if (rc == 0) {
		rc = check_numbers(config);
	}
	if (rc == 0) {
		rc = check_run(config);
	}
	if (rc == 0) {
		rc = shoal_keyring_check(config);
	}
	if (rc == 0) {
		rc = shoal_encoding_check(config);
	}
	if (rc == 0) {
		rc = shoal_names_check(settings, config);
	}
	if (rc == 0) {
		rc = shoal_certs_check(settings, config);
	}
	return rc;
}

int
shoal_config_check(const struct shoal_config *config)
{
	struct shoal_settings settings = {0};
	struct shoal_config wide;
	int rc = widen(&wide, config);

	return rc != 0 ? rc : check(&settings, &wide);
}

static int
copy_text(struct shoal_settings *settings, const char **field)
{
	if (*field == NULL) {
		return 0;
	}
	*field = shoal_alloc_text(settings->mem, *field);
	return *field != NULL ? 0 : SHOAL_ERR_NOMEM;
}

static int
copy_transports(struct shoal_settings *settings)
{
	struct shoal_config *config = &settings->config;
	size_t n = config->transport_count;
	struct shoal_transport *copy;

	copy = shoal_alloc_zeroed(settings->mem, SHOAL_TRANSPORTS_MAX, sizeof(*copy));
	if (copy == NULL) {
		config->transports = NULL;
		return SHOAL_ERR_NOMEM;
	}
	if (n > 0) {
		memcpy(copy, config->transports, n * sizeof(*copy));
	}
	config->transports = copy;
	return 0;
}

int
shoal_settings_init(struct shoal_settings *settings, const struct shoal_config *config)
{
	struct shoal_config wide;
	int rc, failed = 0;

	memset(settings, 0, sizeof(*settings));
	rc = widen(&wide, config);
	if (rc == 0) {
		rc = check(settings, &wide);
	}
	if (rc != 0) {
		return rc;
	}
	settings->config = wide;
	settings->mem = wide.allocator != NULL ? wide.allocator : &shoal_allocator_libc;
	/* Every pointer is replaced, also after a failure: shoal_settings_done frees them all. */
#define SHOAL_X(field) failed |= copy_text(settings, &settings->config.field);
	STRING_TABLE(SHOAL_X)
#undef SHOAL_X
	failed |= copy_transports(settings);
	if (wide.key_count > 0) {
		memcpy(settings->keys, wide.keys, wide.key_count * sizeof(wide.keys[0]));
	}
	settings->config.keys = NULL; /* in settings */
	if (wide.dialer != NULL) {
		settings->dialer = *wide.dialer;
		settings->config.dialer = &settings->dialer;
	}
	if (failed != 0) {
		shoal_settings_done(settings);
		return shoal_last_error_set(
		        SHOAL_ERR_NOMEM, "config: %s", shoal_strerror(SHOAL_ERR_NOMEM));
	}
	return 0;
}

void
shoal_settings_done(struct shoal_settings *settings)
{
	struct shoal_config *config = &settings->config;

	if (config->token != NULL) {
		shoal_key_wipe((void *)(uintptr_t)config->token, strlen(config->token));
	}
#define SHOAL_X(field) shoal_alloc_free(settings->mem, (void *)(uintptr_t)config->field);
	STRING_TABLE(SHOAL_X)
#undef SHOAL_X
	shoal_alloc_free(settings->mem, (void *)(uintptr_t)config->transports);
	shoal_key_wipe(settings->keys, sizeof(settings->keys));
	memset(config, 0, sizeof(*config));
}
