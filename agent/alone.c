/* SPDX-License-Identifier: Apache-2.0 */
#include <netdb.h>
#include <stddef.h>

/*
 * alone - what libcrypto could ask of the C library, and this program never does
 *
 * Linked statically, libcrypto brings code that loads shared objects (engines) and looks
 * up hosts (BIO_connect). In a static program the C library would have to load the
 * server's own C library for that, perhaps of another version. The linker takes these
 * instead (dlopen by --wrap, in static.cmake): libcrypto loads nothing into this process
 * and asks nobody for a name, whatever it is told. Not part of a program that is linked
 * to shared libraries.
 */
void *__wrap_dlopen(const char *file, int mode);

void *__wrap_dlopen(const char *file, int mode)
{
	(void)file;
	(void)mode;
	return NULL;
}

int getaddrinfo(const char *restrict name, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict result)
{
	(void)name;
	(void)service;
	(void)hints;
	*result = NULL;
	return EAI_FAIL;
}

void freeaddrinfo(struct addrinfo *list)
{
	(void)list;
}

const char *gai_strerror(int code)
{
	(void)code;
	return "certferry-agent looks up no host";
}

int getnameinfo(const struct sockaddr *restrict address, socklen_t size,
                char *restrict host, socklen_t host_size, char *restrict service,
                socklen_t service_size, int flags)
{
	(void)address;
	(void)size;
	(void)host;
	(void)host_size;
	(void)service;
	(void)service_size;
	(void)flags;
	return EAI_FAIL;
}

struct hostent *gethostbyname(const char *name)
{
	(void)name;
	return NULL;
}
