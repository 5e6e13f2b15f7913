/* SPDX-License-Identifier: MIT */
/* Integer logarithms. The exponent is the position of the highest bit; of the mantissa the top 7
 * bits choose a row of the table and the next 16 interpolate to the following row. The chord lies
 * below the curve by at most log2(e) / (8 * 128^2), 0.73 of a unit of Q16; with the roundings of
 * the table and of the sum the error stays below 2 units, half of what the header promises. The
 * other bases are that times a constant. O(1). */
#include "base/ilog.h"

#include <stddef.h>

#define ROW_BITS 7
#define LN_2     UINT64_C(2977044472) /* ln 2 in Q32 */
#define LOG10_2  UINT64_C(1292913986) /* log10 2 in Q32 */

/* log2(1 + i / 128) in Q16. */
static const uint32_t log2_row[(1 << ROW_BITS) + 1] = {0, 736, 1466, 2190, 2909, 3623, 4331, 5034,
        5732, 6425, 7112, 7795, 8473, 9146, 9814, 10477, 11136, 11791, 12440, 13086, 13727, 14363,
        14996, 15624, 16248, 16868, 17484, 18096, 18704, 19308, 19909, 20505, 21098, 21687, 22272,
        22854, 23433, 24007, 24579, 25146, 25711, 26272, 26830, 27384, 27936, 28484, 29029, 29571,
        30109, 30645, 31178, 31707, 32234, 32758, 33279, 33797, 34312, 34825, 35334, 35841, 36346,
        36847, 37346, 37842, 38336, 38827, 39316, 39802, 40286, 40767, 41246, 41722, 42196, 42667,
        43137, 43603, 44068, 44530, 44990, 45448, 45904, 46357, 46809, 47258, 47705, 48150, 48593,
        49034, 49472, 49909, 50344, 50776, 51207, 51636, 52063, 52488, 52911, 53332, 53751, 54169,
        54584, 54998, 55410, 55820, 56229, 56635, 57040, 57443, 57845, 58245, 58643, 59039, 59434,
        59827, 60219, 60609, 60997, 61384, 61769, 62152, 62534, 62915, 63294, 63671, 64047, 64421,
        64794, 65166, 65536};

/* floor(e^i): every e^i above 1 is irrational, so value <= floor(e^i) is the same as ln(value) <=
 * i. */
static const uint64_t exp_floor[] = {UINT64_C(1), UINT64_C(2), UINT64_C(7), UINT64_C(20),
        UINT64_C(54), UINT64_C(148), UINT64_C(403), UINT64_C(1096), UINT64_C(2980), UINT64_C(8103),
        UINT64_C(22026), UINT64_C(59874), UINT64_C(162754), UINT64_C(442413), UINT64_C(1202604),
        UINT64_C(3269017), UINT64_C(8886110), UINT64_C(24154952), UINT64_C(65659969),
        UINT64_C(178482300), UINT64_C(485165195), UINT64_C(1318815734), UINT64_C(3584912846),
        UINT64_C(9744803446), UINT64_C(26489122129), UINT64_C(72004899337), UINT64_C(195729609428),
        UINT64_C(532048240601), UINT64_C(1446257064291), UINT64_C(3931334297144),
        UINT64_C(10686474581524), UINT64_C(29048849665247), UINT64_C(78962960182680),
        UINT64_C(214643579785916), UINT64_C(583461742527454), UINT64_C(1586013452313430),
        UINT64_C(4311231547115195), UINT64_C(11719142372802611), UINT64_C(31855931757113756),
        UINT64_C(86593400423993746), UINT64_C(235385266837019985), UINT64_C(639843493530054949),
        UINT64_C(1739274941520501047), UINT64_C(4727839468229346561),
        UINT64_C(12851600114359308275)};

static unsigned
highest_bit(uint64_t value)
{
	return 63 - (unsigned)__builtin_clzll(value);
}

uint32_t
shoal_ilog2_q16(uint64_t value)
{
	unsigned bit;
	uint64_t mantissa;
	uint32_t row, part;

	if (value == 0) {
		return 0;
	}
	bit = highest_bit(value);
	mantissa = value << (63 - bit) << 1;
	row = (uint32_t)(mantissa >> (64 - ROW_BITS));
	part = (uint32_t)(mantissa >> (64 - ROW_BITS - 16)) & 0xffff;
	part = ((log2_row[row + 1] - log2_row[row]) * part + 0x8000) >> 16;
	return ((uint32_t)bit << 16) + log2_row[row] + part;
}

static uint32_t
scaled(uint64_t value, uint64_t factor)
{
	return (uint32_t)((shoal_ilog2_q16(value) * factor + (UINT64_C(1) << 31)) >> 32);
}

uint32_t
shoal_ilog_ln_q16(uint64_t value)
{
	return scaled(value, LN_2);
}

uint32_t
shoal_ilog_10_q16(uint64_t value)
{
	return scaled(value, LOG10_2);
}

uint32_t
shoal_ilog_ln_ceil(uint64_t value)
{
	const size_t rows = sizeof(exp_floor) / sizeof(exp_floor[0]);
	uint32_t i = 0;

	while (i < rows && value > exp_floor[i]) {
		i++;
	}
	return i;
}
