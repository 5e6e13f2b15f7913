/* SPDX-License-Identifier: MIT */
/* Kinds of addresses, sockets and URLs: a member reaches another one by a kind that both have. */
#ifndef SHOAL_CORE_KIND_H
#define SHOAL_CORE_KIND_H

#include "base/text.h"
#include "core/table/members.h"

/* Whether this member has an address of the kind of this one. */
bool shoal_kind_is_own(const struct shoal_core *core, const struct shoal_addr *addr);
/* Whether the record's member has one. */
bool shoal_kind_has(const struct shoal_record *record, const struct shoal_addr *addr);
/* Whether the record's member and this one have none in common: others pass on what they say. */
bool shoal_kind_parts(const struct shoal_core *core, const struct shoal_record *record);
/* Whether both can talk to each other. */
bool shoal_kind_joins(const struct shoal_record *a, const struct shoal_record *b);

/* Whether links lead to it and from it: it has an address of a socket. So all know of each other
 * who links to whom, whatever way they use themselves. */
bool shoal_kind_is_linked(const struct shoal_record *record);

/* Writes where a member is reached from here, by its URL where that is so. */
void shoal_kind_write(const struct shoal_record *record, struct shoal_text *text);
/* Writes an address: the URL that it stands for, where it is the record's (NULL: nobody's), or that
 * it is one. */
void shoal_kind_write_addr(
        const struct shoal_record *record, const struct shoal_addr *addr, struct shoal_text *text);

/* The same with what it stands for; "": that is not known. */
void shoal_kind_write_place(
        const struct shoal_addr *addr, const char *url, struct shoal_text *text);

#endif
