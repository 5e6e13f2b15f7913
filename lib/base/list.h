/* SPDX-License-Identifier: MIT */
/* Intrusive doubly linked lists with a head that is a node itself. All O(1). */
#ifndef SHOAL_BASE_LIST_H
#define SHOAL_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct shoal_list {
	struct shoal_list *prev, *next;
};

#define SHOAL_LIST_ITEM(node, type, field) ((type *)(void *)((char *)(node)-offsetof(type, field)))

static inline void
shoal_list_init(struct shoal_list *head)
{
	head->prev = head->next = head;
}

static inline bool
shoal_list_empty(const struct shoal_list *head)
{
	return head->next == head;
}

/* Whether a node is in a list; a node starts zeroed or after shoal_list_remove. */
static inline bool
shoal_list_linked(const struct shoal_list *node)
{
	return node->next != NULL;
}

static inline void
shoal_list_insert_before(struct shoal_list *at, struct shoal_list *node)
{
	node->prev = at->prev;
	node->next = at;
	at->prev->next = node;
	at->prev = node;
}

static inline void
shoal_list_push_back(struct shoal_list *head, struct shoal_list *node)
{
	shoal_list_insert_before(head, node);
}

static inline void
shoal_list_push_front(struct shoal_list *head, struct shoal_list *node)
{
	shoal_list_insert_before(head->next, node);
}

/* Does nothing where the node is in no list. */
static inline void
shoal_list_remove(struct shoal_list *node)
{
	if (node->next != NULL) {
		node->prev->next = node->next;
		node->next->prev = node->prev;
		node->prev = node->next = NULL;
	}
}

/* NULL: empty. */
static inline struct shoal_list *
shoal_list_first(const struct shoal_list *head)
{
	return head->next != head ? head->next : NULL;
}

#define SHOAL_LIST_FOREACH(node, head)                                                             \
	for (struct shoal_list *node = (head)->next; node != (head); node = node->next)

/* node may be removed in the body. */
#define SHOAL_LIST_FOREACH_SAFE(node, after, head)                                                 \
	for (struct shoal_list *node = (head)->next, *after = node->next; node != (head);          \
	        node = after, after = node->next)

#endif
