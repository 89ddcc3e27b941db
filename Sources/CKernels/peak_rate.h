// What a core can do at best: multiply-adds on vectors of HW_WIDTH floats that lie in registers. kernel_bodies.h includes it.

// Independent sums, more than the multiply-adds under way at once (two units, four or five cycles each), yet with factor
// and addend in the sixteen registers that every level but AVX-512 is limited to.
enum { HW_NAME(sums) = 12 };

static uint64_t HW_NAME(multiply_adds)(size_t rounds, float factor, float addend, float *result) {
  typedef float vector __attribute__((vector_size(4 * HW_WIDTH)));
  vector sums[HW_NAME(sums)], factors = (vector){0} + factor, addends = (vector){0} + addend;
  _Pragma("clang loop unroll(full)") for (int i = 0; i < HW_NAME(sums); i++) sums[i] = addends * (float)i;
  for (size_t round = 0; round < rounds; round++)
    _Pragma("clang loop unroll(full)") for (int i = 0; i < HW_NAME(sums); i++) sums[i] = sums[i] * factors + addends;
  vector total = sums[0];
  for (int i = 1; i < HW_NAME(sums); i++) total += sums[i];
  *result = 0.0f;
  for (int lane = 0; lane < HW_WIDTH; lane++) *result += total[lane];
  return (uint64_t)rounds * HW_NAME(sums) * HW_WIDTH;
}
