/* SPDX-License-Identifier: Apache-2.0 */
#include "cksum.h"

/* The generator of ISO 8802-3, most significant bit first. */
static const uint32_t polynomial = 0x04c11db7;

static uint32_t add_byte(uint32_t crc, unsigned char byte)
{
	crc ^= (uint32_t)byte << 24;
	for (int bit = 0; bit < 8; bit++)
		crc = (crc << 1) ^ (crc >> 31 ? polynomial : 0);
	return crc;
}

void cksum_add(struct cksum *sum, const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum->crc = add_byte(sum->crc, ((const unsigned char *)bytes)[i]);
	sum->len += len;
}

uint32_t cksum_end(const struct cksum *sum)
{
	uint32_t crc = sum->crc;

	for (uint64_t len = sum->len; len > 0; len >>= 8)
		crc = add_byte(crc, (unsigned char)(len & 0xff));
	return ~crc;
}
