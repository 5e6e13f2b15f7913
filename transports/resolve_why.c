/* SPDX-License-Identifier: MIT */
/* Why a name has no addresses, in words. */
#include "transports/resolve.h"

#include <sys/select.h> /* for ares.h */

#include <ares.h>

const char *
shoal_resolve_why(int status, enum shoal_family family, bool service, bool none)
{
	switch (status) {
	case ARES_SUCCESS:
	case ARES_ENODATA:
		return none                          ? "the service is not offered there: the "
		                                       "target of its SRV record is \".\""
		       : service                     ? "it has no SRV record"
		       : family == SHOAL_FAMILY_IPV4 ? "it has no IPv4 address"
		       : family == SHOAL_FAMILY_IPV6 ? "it has no IPv6 address"
		                                     : "it has no address";
	case ARES_ENOTFOUND:
		return "there is no such name (NXDOMAIN)";
	case ARES_ESERVFAIL:
		return "the name server failed (SERVFAIL)";
	case ARES_EREFUSED:
		return "the name server refuses to answer (REFUSED)";
	case ARES_ETIMEOUT:
		return "no name server has answered in time";
	case ARES_ECONNREFUSED:
		return "no name server can be reached";
	case ARES_EBADNAME:
		return "it is no valid name";
	case ARES_EBADRESP:
	case ARES_EFORMERR:
		return "the answer of the name server is malformed";
	default:
		return ares_strerror(status);
	}
}
