/* SPDX-License-Identifier: MIT */
/* The round trip between two members, as one of them measured it. */
#ifndef SHOAL_CLUSTER_MESSAGE_RTT_H
#define SHOAL_CLUSTER_MESSAGE_RTT_H

#include <shoal/message.h>

/* The callbacks' thread: a request of SHOAL_TYPE_RTT came. */
void shoal_rtt_serve(
        struct shoal_cluster *cluster, const struct shoal_message *message, uint64_t ticket);

#endif
