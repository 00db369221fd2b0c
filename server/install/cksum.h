/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INSTALL_CKSUM_H
#define INSTALL_CKSUM_H
#include <stddef.h>
#include <stdint.h>

/*
 * cksum - the checksum of POSIX cksum(1)
 *
 * The one checksum that every server's base system can make. It shows whether files
 * are the expected ones; it is no protection against somebody who means harm. { 0 } is
 * a new one.
 */
struct cksum {
	uint32_t crc;
	uint64_t len;
};

void cksum_add(struct cksum *sum, const void *bytes, size_t len);
/* What cksum prints first; len is the second. */
uint32_t cksum_end(const struct cksum *sum);
#endif
