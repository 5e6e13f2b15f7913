/* SPDX-License-Identifier: MIT */
/* What a member says of itself, laid out to be read: immutable, reference counted, shared by all
 * copies of a member that say the same. */
#ifndef SHOAL_CLUSTER_DESCRIBED_H
#define SHOAL_CLUSTER_DESCRIBED_H

#include <shoal/document.h>

struct shoal_described;

/* One reference. NULL: no memory. data: a document. */
struct shoal_described *shoal_described_new(const struct shoal_allocator *mem, uint64_t version,
        uint64_t hash, const uint8_t *data, size_t len);
/* Both take NULL. */
struct shoal_described *shoal_described_ref(struct shoal_described *described);
void shoal_described_unref(struct shoal_described *described);

/* All take NULL: a member that says nothing. */
uint64_t shoal_described_version(const struct shoal_described *described);
uint64_t shoal_described_hash(const struct shoal_described *described);
/* Whether it is what the core holds under them. */
bool shoal_described_is(const struct shoal_described *described, uint64_t version, uint64_t hash);
size_t shoal_described_keys(const struct shoal_described *described);
/* i below the number of keys. value may be NULL. */
const char *shoal_described_key(
        const struct shoal_described *described, size_t i, struct shoal_meta_value *value);
/* SHOAL_ERR_NOT_FOUND. O(log keys). */
int shoal_described_find(
        const struct shoal_described *described, const char *key, struct shoal_meta_value *value);
size_t shoal_described_tags(const struct shoal_described *described);
const char *shoal_described_tag(const struct shoal_described *described, size_t i);

/* A value as text, cut to fit; returns the length that it needs, without its zero. */
size_t shoal_described_print(const struct shoal_meta_value *value, char *text, size_t len);
bool shoal_described_same(const struct shoal_meta_value *a, const struct shoal_meta_value *b);

#endif
