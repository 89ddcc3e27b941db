// Register tiles over a strip of channels, on vectors of HW_LANES floats: convolution and pooling. kernel_bodies.h includes
// this file once a width, from one float to the level's widest, so that strips cover any number of channels.

#define HW_TILE(name) HW_JOIN(HW_NAME(name), HW_LANES)
#define HW_VECTOR HW_TILE(vector)
#define HW_INTEGERS HW_TILE(integers)
#define HW_INDICES HW_TILE(indices)
#define HW_UNROLL _Pragma("clang loop unroll(full)")

typedef float HW_VECTOR __attribute__((vector_size(4 * HW_LANES), aligned(4), may_alias));
typedef int32_t HW_INTEGERS __attribute__((vector_size(4 * HW_LANES), aligned(4), may_alias));
typedef uint16_t HW_INDICES __attribute__((vector_size(2 * HW_LANES), aligned(2), may_alias));

// MARK: Convolution

// `count` outputs from y on, of `vectors` vectors of channels each. Both are constants where this is inlined.
HW_INLINE void HW_TILE(forward_tile)(int count, int vectors, const float *x, size_t step, size_t window, const float *w,
                                     const float *bias, float *y, size_t channels) {
  HW_VECTOR sums[12][2];
  HW_UNROLL for (int p = 0; p < count; p++)
    HW_UNROLL for (int v = 0; v < vectors; v++) sums[p][v] = *(const HW_VECTOR *)(bias + v * HW_LANES);
  for (size_t j = 0; j < window; j++) {
    HW_VECTOR row[2];
    HW_UNROLL for (int v = 0; v < vectors; v++) row[v] = *(const HW_VECTOR *)(w + j * channels + v * HW_LANES);
    HW_UNROLL for (int p = 0; p < count; p++) {
      float value = x[p * step + j];
      HW_UNROLL for (int v = 0; v < vectors; v++) sums[p][v] += value * row[v];
    }
  }
  HW_UNROLL for (int p = 0; p < count; p++)
    HW_UNROLL for (int v = 0; v < vectors; v++) *(HW_VECTOR *)(y + p * channels + v * HW_LANES) = sums[p][v];
}

// All positions of one row, for one strip of channels. The last tile may overlap the one before: same sums, same bits.
HW_INLINE void HW_TILE(forward_strip)(int count, int vectors, const float *x, size_t step, size_t window,
                                      const float *w, const float *bias, float *y, size_t positions, size_t channels) {
  if (positions < (size_t)count) {
    for (size_t p = 0; p < positions; p++)
      HW_TILE(forward_tile)(1, vectors, x + p * step, step, window, w, bias, y + p * channels, channels);
    return;
  }
  for (size_t next = 0; next < positions; next += count) {
    size_t p = next + count <= positions ? next : positions - count;
    HW_TILE(forward_tile)(count, vectors, x + p * step, step, window, w, bias, y + p * channels, channels);
  }
}

// Adds one row's part of dw for window elements 0 ..< count, leaving out the first `skip`, and of db if asked.
HW_INLINE void HW_TILE(backward_tile)(int count, int vectors, int withBias, const float *x, size_t step,
                                      const float *dy, float *dw, float *db, size_t positions, size_t channels,
                                      size_t skip) {
  HW_VECTOR sums[4][2], bias[2];
  HW_UNROLL for (int v = 0; v < vectors; v++) {
    HW_UNROLL for (int j = 0; j < count; j++) sums[j][v] = *(HW_VECTOR *)(dw + j * channels + v * HW_LANES);
    if (withBias) bias[v] = *(HW_VECTOR *)(db + v * HW_LANES);
  }
  for (size_t p = 0; p < positions; p++)
    HW_UNROLL for (int v = 0; v < vectors; v++) {
      HW_VECTOR gradient = *(const HW_VECTOR *)(dy + p * channels + v * HW_LANES);
      HW_UNROLL for (int j = 0; j < count; j++) sums[j][v] += x[p * step + j] * gradient;
      if (withBias) bias[v] += gradient;
    }
  HW_UNROLL for (int v = 0; v < vectors; v++) {
    HW_UNROLL for (int j = 0; j < count; j++)
      if ((size_t)j >= skip) *(HW_VECTOR *)(dw + j * channels + v * HW_LANES) = sums[j][v];
    if (withBias) *(HW_VECTOR *)(db + v * HW_LANES) = bias[v];
  }
}

// One row's part of dw and db for one strip of channels. The last tile may overlap the one before, and then leaves out
// what that has added.
HW_INLINE void HW_TILE(backward_strip)(int vectors, const float *x, size_t step, size_t window, const float *dy,
                                       float *dw, float *db, size_t positions, size_t channels) {
  if (window < 4) {
    HW_TILE(backward_tile)(1, vectors, 1, x, step, dy, dw, db, positions, channels, 0);
    for (size_t j = 1; j < window; j++)
      HW_TILE(backward_tile)(1, vectors, 0, x + j, step, dy, dw + j * channels, db, positions, channels, 0);
    return;
  }
  HW_TILE(backward_tile)(4, vectors, 1, x, step, dy, dw, db, positions, channels, 0);
  for (size_t next = 4; next < window; next += 4) {
    size_t j = next + 4 <= window ? next : window - 4;
    HW_TILE(backward_tile)(4, vectors, 0, x + j, step, dy, dw + j * channels, db, positions, channels, next - j);
  }
}

// MARK: Pooling

// One window, one vector of channels.
HW_INLINE void HW_TILE(pool_tile)(const float *x, float *y, uint16_t *index, size_t channels, size_t window) {
  HW_VECTOR best = *(const HW_VECTOR *)x;
  HW_INTEGERS at = {0};
  for (size_t i = 1; i < window; i++) {
    HW_VECTOR value = *(const HW_VECTOR *)(x + i * channels);
    HW_INTEGERS take = (value > best) | (value != value);
    best = (HW_VECTOR)((take & (HW_INTEGERS)value) | (~take & (HW_INTEGERS)best));
    at = (take & (int32_t)i) | (~take & at);
  }
  *(HW_VECTOR *)y = best;
  *(HW_INDICES *)index = __builtin_convertvector(at, HW_INDICES);
}

HW_INLINE void HW_TILE(unpool_tile)(const uint16_t *index, const float *dy, float *dx, size_t channels, size_t window) {
  HW_INTEGERS gradient = *(const HW_INTEGERS *)dy;
  HW_INTEGERS at = __builtin_convertvector(*(const HW_INDICES *)index, HW_INTEGERS);
  for (size_t i = 0; i < window; i++) *(HW_INTEGERS *)(dx + i * channels) = gradient & (at == (int32_t)i);
}

#undef HW_INTEGERS
#undef HW_INDICES
#undef HW_TILE
#undef HW_VECTOR
#undef HW_UNROLL
