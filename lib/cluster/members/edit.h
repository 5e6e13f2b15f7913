/* SPDX-License-Identifier: MIT */
/* Changes of this member's document: one, or several that are made together. */
#ifndef SHOAL_CLUSTER_EDIT_H
#define SHOAL_CLUSTER_EDIT_H

#include <shoal/metadata.h>

/* A key, or a tag; the name and what the value points to are borrowed. */
struct shoal_edit_change {
	bool tag, wanted;
	bool lenient; /* removing what is not there is no error */
	const char *name;
	size_t name_len;
	struct shoal_meta_value value;
};

/* Changes that are kept, one behind the other; all zero: none. */
struct shoal_edit_list {
	uint8_t *data;
	size_t len, capacity;
};

/* Keeps a copy; one of the same name counts no more. What could never be made is refused at once:
 * SHOAL_ERR_INVALID, SHOAL_ERR_TOO_BIG, SHOAL_ERR_NOMEM, with a text; nothing has changed. */
SHOAL_MUST_USE int shoal_edit_keep(struct shoal_cluster *cluster, struct shoal_edit_list *list,
        const struct shoal_edit_change *change);

/* Makes one change, or with NULL those that were kept, or none. The same errors, and
 * SHOAL_ERR_NOT_FOUND. Any thread. */
SHOAL_MUST_USE int shoal_edit_apply(struct shoal_cluster *cluster,
        const struct shoal_edit_change *one, const struct shoal_edit_list *list);

#endif
