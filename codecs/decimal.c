/* SPDX-License-Identifier: MIT */
/* Doubles to decimal text (Steele and White, "How to print floating-point numbers accurately",
 * 1990, free format) and back (Clinger, "How to read floating point numbers accurately", 1990, by
 * exact division), with integers of up to 4,096 bits. libc's strtod and printf do the same but ask
 * the locale for the point; and rooms below the loop need nothing of libc but memory functions.
 *
 * Bounds: 768 significant digits decide how any number is rounded, those behind them only whether
 * there is more, and an exponent beyond the range of doubles ends early; so the integers never
 * overflow, and a text costs at most its length times the 120 words of one. */
#include "codecs/decimal.h"

#include <string.h>

#include "base/panic.h"

#define WORDS        128
#define DIGITS_MAX   768
#define MANTISSA     52
#define BIAS         1023
#define EXPONENT_MAX 0x7ff
#define TEN_MAX      310 /* 10^310 is above every double, 10^-325 below half of the least */
#define TEN_MIN      (-325)

struct big {
	uint32_t word[WORDS]; /* the least first */
	unsigned len;         /* without leading zeros */
};

static void
big_set(struct big *big, uint64_t value)
{
	big->word[0] = (uint32_t)value;
	big->word[1] = (uint32_t)(value >> 32);
	big->len = value >> 32 != 0 ? 2 : value != 0;
}

/* big * factor + add */
static void
big_multiply(struct big *big, uint32_t factor, uint32_t add)
{
	uint64_t carry = add;

	for (unsigned i = 0; i < big->len; i++) {
		carry += (uint64_t)big->word[i] * factor;
		big->word[i] = (uint32_t)carry;
		carry >>= 32;
	}
	if (carry != 0) {
		SHOAL_ASSERT(big->len < WORDS);
		big->word[big->len++] = (uint32_t)carry;
	}
}

static void
big_multiply_ten(struct big *big, unsigned power)
{
	for (; power >= 9; power -= 9) {
		big_multiply(big, 1000000000, 0);
	}
	for (; power > 0; power--) {
		big_multiply(big, 10, 0);
	}
}

static void
big_shift_left(struct big *big, unsigned bits)
{
	unsigned words = bits / 32;

	if (big->len == 0) {
		return;
	}
	big_multiply(big, UINT32_C(1) << bits % 32, 0);
	SHOAL_ASSERT(big->len + words <= WORDS);
	memmove(big->word + words, big->word, big->len * sizeof big->word[0]);
	memset(big->word, 0, words * sizeof big->word[0]);
	big->len += words;
}

static void
big_halve(struct big *big)
{
	for (unsigned i = 0; i < big->len; i++) {
		uint32_t above = i + 1 < big->len ? big->word[i + 1] : 0;
		big->word[i] = big->word[i] >> 1 | above << 31;
	}
	if (big->len > 0 && big->word[big->len - 1] == 0) {
		big->len--;
	}
}

static int
big_compare(const struct big *a, const struct big *b)
{
	if (a->len != b->len) {
		return a->len < b->len ? -1 : 1;
	}
	for (unsigned i = a->len; i-- > 0;) {
		if (a->word[i] != b->word[i]) {
			return a->word[i] < b->word[i] ? -1 : 1;
		}
	}
	return 0;
}

static void
big_add(struct big *big, const struct big *other)
{
	uint64_t carry = 0;
	unsigned i;

	for (i = 0; i < other->len || i < big->len || carry != 0; i++) {
		SHOAL_ASSERT(i < WORDS);
		carry += i < big->len ? big->word[i] : 0;
		carry += i < other->len ? other->word[i] : 0;
		big->word[i] = (uint32_t)carry;
		carry >>= 32;
	}
	big->len = i;
}

/* other is not greater. */
static void
big_subtract(struct big *big, const struct big *other)
{
	uint64_t borrow = 0;

	for (unsigned i = 0; i < big->len; i++) {
		uint64_t sub = (i < other->len ? other->word[i] : 0) + borrow;
		borrow = big->word[i] < sub;
		big->word[i] = (uint32_t)(big->word[i] - sub);
	}
	while (big->len > 0 && big->word[big->len - 1] == 0) {
		big->len--;
	}
}

static int
big_bits(const struct big *big)
{
	int bits = (int)big->len * 32;

	for (uint32_t top = big->word[big->len - 1]; (top & UINT32_C(0x80000000)) == 0; top <<= 1) {
		bits--;
	}
	return bits;
}

/* Printing: value = r / s, and half the way to its neighbours is below / s and above / s. */
struct printing {
	struct big r, s, below, above;
	bool even; /* numbers at half the way read back as this one */
};

static void
printing_init(struct printing *p, uint64_t mantissa, int exponent, bool lowest)
{
	/* The neighbour below a power of two is only half as far away. */
	unsigned twice = lowest ? 2 : 1;

	p->even = mantissa % 2 == 0;
	big_set(&p->r, mantissa);
	big_set(&p->s, 1);
	big_set(&p->below, 1);
	big_set(&p->above, 1);
	if (exponent >= 0) {
		big_shift_left(&p->r, (unsigned)exponent + twice);
		big_shift_left(&p->s, twice);
		big_shift_left(&p->below, (unsigned)exponent);
		big_shift_left(&p->above, (unsigned)exponent + twice - 1);
	} else {
		big_shift_left(&p->r, twice);
		big_shift_left(&p->s, (unsigned)-exponent + twice);
		big_shift_left(&p->above, twice - 1);
	}
}

/* Whether r + above reaches s. */
static bool
printing_reaches(const struct printing *p)
{
	struct big sum = p->r;
	int order;

	big_add(&sum, &p->above);
	order = big_compare(&sum, &p->s);
	return order > 0 || (order == 0 && p->even);
}

static void
printing_ten(struct printing *p)
{
	big_multiply(&p->r, 10, 0);
	big_multiply(&p->below, 10, 0);
	big_multiply(&p->above, 10, 0);
}

/* Scales so that the value is 0.d1 d2 ... times 10^power. */
static int
printing_scale(struct printing *p, int exponent_of_two)
{
	/* log10(2) in 2^-18ths, rounded down: one too low at most. */
	int64_t guess = (int64_t)exponent_of_two * 78913;
	int power = (int)(guess >= 0 ? guess >> 18 : -((-guess >> 18) + 1));

	if (power > 0) {
		big_multiply_ten(&p->s, (unsigned)power);
	} else {
		big_multiply_ten(&p->r, (unsigned)-power);
		big_multiply_ten(&p->below, (unsigned)-power);
		big_multiply_ten(&p->above, (unsigned)-power);
	}
	while (printing_reaches(p)) {
		big_multiply(&p->s, 10, 0);
		power++;
	}
	return power;
}

static size_t
printing_digits(struct printing *p, char digits[20])
{
	for (size_t n = 0;;) {
		bool low, high;
		int order;

		printing_ten(p);
		digits[n] = '0';
		while (big_compare(&p->r, &p->s) >= 0) {
			big_subtract(&p->r, &p->s);
			digits[n]++;
		}
		order = big_compare(&p->r, &p->below);
		low = order < 0 || (order == 0 && p->even);
		high = printing_reaches(p);
		if (low || high) {
			big_shift_left(&p->r, 1);
			if (high && (!low || big_compare(&p->r, &p->s) >= 0)) {
				digits[n]++;
			}
			return n + 1;
		}
		n++;
	}
}

static size_t
put_exponent(char *text, int power)
{
	size_t len = 0;

	text[len++] = 'e';
	if (power < 0) {
		text[len++] = '-';
		power = -power;
	}
	if (power >= 100) {
		text[len++] = (char)('0' + power / 100);
	}
	if (power >= 10) {
		text[len++] = (char)('0' + power / 10 % 10);
	}
	text[len++] = (char)('0' + power % 10);
	return len;
}

/* 0.d1 d2 ... times 10^power. */
static size_t
put_number(char *text, const char *digits, size_t count, int power)
{
	size_t len = 0;

	if (power > 21 || power < -5) {
		text[len++] = digits[0];
		if (count > 1) {
			text[len++] = '.';
			memcpy(text + len, digits + 1, count - 1);
			len += count - 1;
		}
		return len + put_exponent(text + len, power - 1);
	}
	for (int i = power < 1 ? power - 1 : 0; i < power || i < (int)count; i++) {
		if (i == power) {
			text[len++] = '.';
		}
		text[len++] = (char)(i >= 0 && i < (int)count ? digits[i] : '0');
		if (i == power - 1 && i + 1 >= (int)count) {
			text[len++] = '.';
			text[len++] = '0';
		}
	}
	return len;
}

size_t
shoal_decimal_print(double value, char text[SHOAL_DECIMAL_TEXT])
{
	struct printing p;
	uint64_t bits, mantissa;
	char digits[20];
	size_t len = 0, count;
	int exponent, power, width = 0;

	memcpy(&bits, &value, sizeof bits);
	if (bits >> 63 != 0) {
		text[len++] = '-';
	}
	mantissa = bits & ((UINT64_C(1) << MANTISSA) - 1);
	exponent = (int)(bits >> MANTISSA & EXPONENT_MAX);
	SHOAL_ASSERT(exponent != EXPONENT_MAX);
	if (exponent == 0 && mantissa == 0) {
		text[len++] = '0';
		text[len++] = '.';
		text[len++] = '0';
		return len;
	}
	printing_init(&p, exponent > 0 ? mantissa | UINT64_C(1) << MANTISSA : mantissa,
	        (exponent > 0 ? exponent : 1) - BIAS - MANTISSA, mantissa == 0 && exponent > 1);
	width = exponent > 0 ? MANTISSA : 0;
	for (uint64_t m = mantissa; exponent == 0 && m > 1; m >>= 1) {
		width++;
	}
	power = printing_scale(&p, (exponent > 0 ? exponent : 1) - BIAS - MANTISSA + width);
	count = printing_digits(&p, digits);
	return len + put_number(text + len, digits, count, power);
}

/* A decimal number taken apart: digits times 10^ten. */
struct parsed {
	struct big digits;
	int64_t ten;
	int64_t count; /* significant digits in `digits` */
};

static void
parsed_digit(struct parsed *parsed, char c, bool behind_point, bool *more)
{
	if (parsed->count < DIGITS_MAX) {
		big_multiply(&parsed->digits, 10, (uint32_t)(c - '0'));
		parsed->count += parsed->digits.len > 0;
		parsed->ten -= behind_point;
		return;
	}
	*more |= c != '0';
	parsed->ten += !behind_point;
}

static int64_t
parse_exponent(const char *text, size_t len)
{
	bool negative = len > 0 && text[0] == '-';
	int64_t sum = 0;

	for (size_t i = len > 0 && (text[0] == '-' || text[0] == '+'); i < len; i++) {
		/* Far beyond what any number of digits before it could bring back. */
		if (sum < INT64_C(1000000000000000)) {
			sum = sum * 10 + (text[i] - '0');
		}
	}
	return negative ? -sum : sum;
}

static void
parse_number(const char *text, size_t len, struct parsed *parsed)
{
	bool behind_point = false, more = false;

	memset(parsed, 0, sizeof *parsed);
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '.') {
			behind_point = true;
		} else if (text[i] == 'e' || text[i] == 'E') {
			parsed->ten += parse_exponent(text + i + 1, len - i - 1);
			break;
		} else {
			parsed_digit(parsed, text[i], behind_point, &more);
		}
	}
	if (more) {
		/* One more digit: above the cut, and below the next. */
		big_multiply(&parsed->digits, 10, 1);
		parsed->ten--;
		parsed->count++;
	}
}

/* The quotient of two numbers in 55 or 56 bits, times 2^*exponent; the last bit is set where there
 * is a rest. */
static uint64_t
divide(struct big *a, struct big *b, int *exponent)
{
	int shift = 55 - (big_bits(a) - big_bits(b));
	uint64_t quotient = 0;

	big_shift_left(shift > 0 ? a : b, (unsigned)(shift > 0 ? shift : -shift));
	big_shift_left(b, 56);
	for (int bit = 56; bit >= 0; bit--) {
		quotient <<= 1;
		if (big_compare(a, b) >= 0) {
			big_subtract(a, b);
			quotient |= 1;
		}
		big_halve(b);
	}
	*exponent = -shift;
	return quotient | (a->len > 0);
}

/* Rounds mantissa * 2^exponent, with at least two bits more than a double has, to the bits of the
 * nearest double. */
static uint64_t
round_to_double(uint64_t mantissa, int exponent)
{
	int width = 0, drop;
	uint64_t kept, rest, half;

	for (uint64_t m = mantissa; m != 0; m >>= 1) {
		width++;
	}
	drop = width - (MANTISSA + 1);
	/* Below the least exponent the numbers stop to become denser. */
	if (exponent + drop < 1 - BIAS - MANTISSA) {
		drop = 1 - BIAS - MANTISSA - exponent;
	}
	if (drop > width) {
		return 0;
	}
	SHOAL_ASSERT(drop > 0);
	kept = drop < 64 ? mantissa >> drop : 0;
	rest = drop < 64 ? mantissa & ((UINT64_C(1) << drop) - 1) : mantissa;
	half = UINT64_C(1) << (drop - 1);
	kept += rest > half || (rest == half && kept % 2 != 0);
	exponent += drop;
	if (kept >> MANTISSA == 0) {
		return kept;
	}
	/* A carry out of the mantissa goes on into the exponent. */
	return ((uint64_t)(exponent + BIAS + MANTISSA - 1) << MANTISSA) + kept;
}

bool
shoal_decimal_parse(const char *text, size_t len, double *value)
{
	bool negative = len > 0 && text[0] == '-';
	struct parsed parsed;
	struct big divisor;
	uint64_t bits = 0;
	int exponent;

	parse_number(text + negative, len - negative, &parsed);
	if (parsed.digits.len > 0 && parsed.count + parsed.ten > TEN_MAX) {
		return false;
	}
	if (parsed.digits.len > 0 && parsed.count + parsed.ten > TEN_MIN) {
		big_set(&divisor, 1);
		big_multiply_ten(parsed.ten > 0 ? &parsed.digits : &divisor,
		        (unsigned)(parsed.ten > 0 ? parsed.ten : -parsed.ten));
		bits = divide(&parsed.digits, &divisor, &exponent);
		bits = round_to_double(bits, exponent);
	}
	if (bits >> MANTISSA >= EXPONENT_MAX) {
		return false;
	}
	bits |= (uint64_t)negative << 63;
	memcpy(value, &bits, sizeof bits);
	return true;
}
