/* SPDX-License-Identifier: MIT */
/* What a build without the HTTP transport has of it: a refusal. */
#include <shoal/error.h>
#include <shoal/transport.h>

int
shoal_transport_http(struct shoal_transport *transport, const struct shoal_allocator *allocator)
{
	(void)transport;
	(void)allocator;
	return SHOAL_ERR_UNSUPPORTED;
}

int
shoal_transport_http_mount(const struct shoal_transport *transport, struct evhttp *evhttp)
{
	(void)transport;
	(void)evhttp;
	return SHOAL_ERR_UNSUPPORTED;
}
