/* SPDX-License-Identifier: MIT */
/* Keys: read from a file that is nobody else's, given to the core, changed on the loop's thread.
 *
 * What of a key is needed no longer is wiped: the text of the file, the keys on their way to the
 * core, and those in an operation. What other threads may ask for are prints only. */
#include "cluster/config/keyring.h"

#include "cluster/config/encoding.h"
#include "cluster/join/join.h"
#include "cluster/loop/fork.h"
#include "cluster/report/last_error.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MOST 4096

/* Says what is wrong with the file itself; 0: nothing. A pipe or a terminal has no mode that
 * matters. */
static int
check_file(const char *path, int fd)
{
	struct stat stat;

	if (fstat(fd, &stat) != 0) {
		return shoal_last_error_set(
		        SHOAL_ERR_SYSTEM, "keyring %s: %s", path, strerrordesc_np(errno));
	}
	if (!S_ISREG(stat.st_mode)) {
		return S_ISDIR(stat.st_mode) ? shoal_last_error_set(SHOAL_ERR_INVALID,
		                                       "keyring %s: a directory", path)
		                             : 0;
	}
	if ((stat.st_mode & 077) != 0) {
		return shoal_last_error_set(SHOAL_ERR_PERMISSION,
		        "keyring %s: mode %04o, others may read or write it; say chmod 600 and use "
		        "new keys where they were read",
		        path, (unsigned)stat.st_mode & 07777);
	}
	if (stat.st_uid != geteuid() && stat.st_uid != 0) {
		return shoal_last_error_set(SHOAL_ERR_PERMISSION,
		        "keyring %s: it belongs to user %u; allowed are this one and root", path,
		        (unsigned)stat.st_uid);
	}
	return 0;
}

/* At most FILE_MOST bytes; -1: errno says why. */
static ssize_t
read_all(int fd, char *text)
{
	size_t len = 0;

	while (len < FILE_MOST) {
		ssize_t n = read(fd, text + len, FILE_MOST - len);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return -1;
		}
		if (n == 0) {
			break;
		}
		len += (size_t)n;
	}
	return (ssize_t)len;
}

static bool
is_blank(const char *line, size_t len)
{
	size_t i = 0;

	while (i < len && (line[i] == ' ' || line[i] == '\t' || line[i] == '\r')) {
		i++;
	}
	return i == len || line[i] == '#';
}

static int
parse_lines(const char *path, const char *text, size_t len, struct shoal_key *keys, size_t *count)
{
	size_t number = 0;

	*count = 0;
	while (len > 0) {
		const char *end = memchr(text, '\n', len);
		size_t line = end != NULL ? (size_t)(end - text) : len;

		number++;
		if (is_blank(text, line)) {
			/* nothing */
		} else if (*count == SHOAL_KEYS_MAX) {
			return shoal_last_error_set(SHOAL_ERR_INVALID,
			        "keyring %s: line %zu: more than %d keys", path, number,
			        SHOAL_KEYS_MAX);
		} else if (shoal_key_parse(&keys[*count], text, line) != 0) {
			return shoal_last_error_set(SHOAL_ERR_INVALID,
			        "keyring %s: line %zu: no key; allowed is base64 of 16, 24 or 32 "
			        "bytes, as 'shoal keygen' prints it",
			        path, number);
		} else {
			++*count;
		}
		text += line + (end != NULL ? 1 : 0);
		len -= line + (end != NULL ? 1 : 0);
	}
	return *count > 0
	               ? 0
	               : shoal_last_error_set(SHOAL_ERR_INVALID, "keyring %s: no key in it", path);
}

static int
load_from(const char *path, int fd, struct shoal_key *keys, size_t *count)
{
	char text[FILE_MOST];
	int rc = check_file(path, fd);
	ssize_t len = rc == 0 ? read_all(fd, text) : 0;

	if (len < 0) {
		rc = shoal_last_error_set(
		        SHOAL_ERR_SYSTEM, "keyring %s: %s", path, strerrordesc_np(errno));
	} else if (len == FILE_MOST) {
		rc = shoal_last_error_set(
		        SHOAL_ERR_INVALID, "keyring %s: longer than a few keys", path);
	} else if (rc == 0) {
		rc = parse_lines(path, text, (size_t)len, keys, count);
	}
	shoal_key_wipe(text, sizeof(text));
	if (rc != 0) {
		shoal_key_wipe(keys, SHOAL_KEYS_MAX * sizeof(*keys));
		*count = 0;
	}
	return rc;
}

int
shoal_keys_load(const char *path, struct shoal_key keys[SHOAL_KEYS_MAX], size_t *count)
{
	bool standard = path != NULL && strcmp(path, "-") == 0;

	*count = 0;
	if (path == NULL) {
		return shoal_last_error_set(SHOAL_ERR_INVALID, "keyring: NULL");
	}
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		return shoal_last_error_set(
		        errno == EACCES ? SHOAL_ERR_PERMISSION : SHOAL_ERR_SYSTEM, "keyring %s: %s",
		        path, strerrordesc_np(errno));
	}
	int rc = load_from(path, fd, keys, count);
	if (!standard) {
		close(fd);
	}
	return rc;
}

int
shoal_keyring_check(const struct shoal_config *config)
{
	if (config->keyring != NULL && config->keyring[0] == '\0') {
		return shoal_last_error_set(
		        SHOAL_ERR_INVALID, "keyring: \"\"; allowed is the name of a file");
	}
	if (config->key_count > SHOAL_KEYS_MAX ||
	        (config->key_count > 0) != (config->keys != NULL) ||
	        (config->keyring != NULL && config->keys != NULL)) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "key_count: %zu; allowed are 1 to %d with keys and without keyring, else 0",
		        config->key_count, SHOAL_KEYS_MAX);
	}
	for (size_t i = 0; i < config->key_count; i++) {
		if (config->keys[i].len != 16 && config->keys[i].len != 24 &&
		        config->keys[i].len != 32) {
			return shoal_last_error_set(SHOAL_ERR_INVALID,
			        "keys[%zu]: %u bytes; allowed are 16, 24 and 32", i,
			        config->keys[i].len);
		}
	}
	if (config->accept_clear != 0 && config->keyring == NULL && config->keys == NULL) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "accept_clear: %u; allowed is 0 without keys", config->accept_clear);
	}
	if (config->accept_unlabelled != 0 && (config->label == NULL || config->label[0] == '\0')) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "accept_unlabelled: %u; allowed is 0 without a label",
		        config->accept_unlabelled);
	}
	return 0;
}

static int
configure(struct shoal_cluster *cluster, struct shoal_core_config *core,
        struct shoal_key keys[SHOAL_KEYS_MAX])
{
	const struct shoal_config *config = &cluster->settings.config;
	size_t count = config->key_count;

	core->codec = shoal_encoding_codec(config);
	core->compressor = config->compress_min == 0    ? NULL
	                   : config->compressor != NULL ? config->compressor
	                                                : shoal_compressor_snappy();
	core->compress_min = config->compress_min;
	if (config->keyring != NULL) {
		int rc = shoal_keys_load(config->keyring, keys, &count);
		if (rc != 0) {
			return rc;
		}
	} else if (count > 0) {
		memcpy(keys, cluster->settings.keys, count * sizeof(*keys));
	}
	if (count == 0) {
		return 0;
	}
	core->cipher = config->cipher != NULL ? config->cipher : shoal_cipher_aes_gcm();
	core->key = keys;
	core->key_count = count;
	core->accept_clear = config->accept_clear;
	return core->cipher != NULL
	               ? 0
	               : shoal_last_error_set(SHOAL_ERR_UNSUPPORTED,
	                         "keyring: this build has no cipher; set one in the config");
}

void
shoal_keyring_publish(struct shoal_cluster *cluster)
{
	struct shoal_key_info info[SHOAL_KEYS_MAX];
	size_t count = 0;
	bool changed = false;

	while (count < SHOAL_KEYS_MAX && shoal_core_key(cluster->core, count, &info[count])) {
		const struct shoal_key_info *held = &cluster->keys[count];

		changed = changed || info[count].print != held->print ||
		          info[count].in_use != held->in_use;
		count++;
	}
	changed = changed || count != cluster->key_count;
	pthread_mutex_lock(&cluster->lock);
	memcpy(cluster->keys, info, count * sizeof(info[0]));
	cluster->key_count = count;
	pthread_mutex_unlock(&cluster->lock);
	if (changed) {
		shoal_background_hurry(cluster);
	}
}

int
shoal_keyring_make_core(struct shoal_cluster *cluster, struct shoal_core_config *core)
{
	struct shoal_key keys[SHOAL_KEYS_MAX];
	char text[256] = "";
	int rc = configure(cluster, core, keys);

	/* The core has them now; one that is removed there is to be nowhere. */
	shoal_key_wipe(cluster->settings.keys, sizeof(cluster->settings.keys));
	if (rc == 0) {
		rc = shoal_core_new(&cluster->core, core, text, sizeof(text));
		if (rc != 0) {
			(void)shoal_last_error_set(
			        rc, "%s", *text != '\0' ? text : shoal_strerror(rc));
		}
	}
	shoal_key_wipe(keys, sizeof(keys));
	core->key = NULL;
	if (rc == 0) {
		shoal_keyring_publish(cluster);
	}
	return rc;
}

static const char *
reason(int code)
{
	switch (code) {
	case SHOAL_ERR_NOT_FOUND:
		return "no such key is held here";
	case SHOAL_ERR_UNSUPPORTED:
		return "this member was started without keys, restart it with a keyring";
	case SHOAL_ERR_LIMIT:
		return "8 keys are held, remove one first";
	case SHOAL_ERR_INVALID:
		return "a key has 16, 24 or 32 bytes";
	default:
		return shoal_strerror(code);
	}
}

int
shoal_keyring_act(struct shoal_cluster *cluster, enum shoal_key_action action,
        const struct shoal_key *key, uint64_t print)
{
	int rc = SHOAL_ERR_INVALID;

	switch (action) {
	case SHOAL_KEY_LIST:
		return 0;
	case SHOAL_KEY_INSTALL:
		rc = shoal_core_key_install(cluster->core, key, NULL);
		break;
	case SHOAL_KEY_USE:
		rc = shoal_core_key_use(cluster->core, print);
		break;
	case SHOAL_KEY_REMOVE:
		rc = shoal_core_key_remove(cluster->core, print);
		break;
	}
	shoal_keyring_publish(cluster);
	return rc;
}

static const char *
why(enum shoal_key_action action, int code)
{
	if (code == SHOAL_ERR_STATE) {
		return action == SHOAL_KEY_REMOVE
		               ? "the key is in use, use another one first"
		               : "another key has the same id by chance, make a new one";
	}
	return reason(code);
}

void
shoal_keyring_begin(struct shoal_op *op)
{
	int rc = shoal_keyring_act(op->cluster, op->key_action, &op->key, op->key_print);

	shoal_key_wipe(&op->key, sizeof(op->key));
	if (rc != 0) {
		shoal_op_say(op, "%s", why(op->key_action, rc));
	}
	shoal_op_finish(op, rc);
}

/* On the loop's own thread there is nobody to wait for. */
static int
act(struct shoal_cluster *cluster, enum shoal_key_action action, const struct shoal_key *key,
        uint64_t print)
{
	struct shoal_op *op;
	int rc = shoal_fork_check(cluster, "keys");

	if (rc == 0 && shoal_cluster_on_loop(cluster) && !cluster->inside &&
	        cluster->core != NULL) {
		rc = shoal_keyring_act(cluster, action, key, print);
		return rc == 0 ? 0 : shoal_last_error_set(rc, "keys: %s", why(action, rc));
	}
	if (rc == 0) {
		rc = shoal_cluster_may_block(cluster, "keys");
	}
	if (rc == 0) {
		rc = shoal_op_new(&op, cluster, SHOAL_OP_KEY, 0, NULL, NULL);
	}
	if (rc != 0) {
		return rc;
	}
	op->waited = true;
	op->key_action = action;
	op->key_print = print;
	if (key != NULL) {
		op->key = *key;
	}
	rc = shoal_op_post(op);
	return rc != 0 ? rc : shoal_op_wait(op, NULL);
}

int
shoal_cluster_key_install(
        struct shoal_cluster *cluster, const struct shoal_key *key, uint64_t *print)
{
	if (key == NULL || key->len > SHOAL_KEY_MOST) {
		return shoal_last_error_set(SHOAL_ERR_INVALID, "keys: %s",
		        key == NULL ? "NULL" : "a key has 16, 24 or 32 bytes");
	}
	if (print != NULL) {
		*print = shoal_key_name(key);
	}
	return act(cluster, SHOAL_KEY_INSTALL, key, 0);
}

int
shoal_cluster_key_use(struct shoal_cluster *cluster, uint64_t print)
{
	return act(cluster, SHOAL_KEY_USE, NULL, print);
}

int
shoal_cluster_key_remove(struct shoal_cluster *cluster, uint64_t print)
{
	return act(cluster, SHOAL_KEY_REMOVE, NULL, print);
}

size_t
shoal_cluster_keys(struct shoal_cluster *cluster, struct shoal_key_info info[SHOAL_KEYS_MAX])
{
	size_t count;

	if (shoal_fork_check(cluster, "keys") != 0) {
		return 0;
	}
	pthread_mutex_lock(&cluster->lock);
	count = cluster->key_count;
	memcpy(info, cluster->keys, count * sizeof(info[0]));
	pthread_mutex_unlock(&cluster->lock);
	return count;
}
