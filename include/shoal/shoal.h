/* SPDX-License-Identifier: MIT */
/* shoal/shoal.h - what an application includes. */
#ifndef SHOAL_SHOAL_H
#define SHOAL_SHOAL_H

#include <shoal/cluster.h>
#include <shoal/codec.h>
#include <shoal/config.h>
#include <shoal/error.h>
#include <shoal/log.h>
#include <shoal/member.h>
#include <shoal/message.h>
#include <shoal/metadata.h>
#include <shoal/metrics.h>
#include <shoal/packet.h>
#include <shoal/resolver.h>
#include <shoal/types.h>
#include <shoal/value.h>
#include <shoal/version.h>
#include <shoal/why.h>

#endif
