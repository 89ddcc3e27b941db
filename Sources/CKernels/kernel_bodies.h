// The kernels' bodies. kernels.c includes this file once a CPU level with HW_SUFFIX (the level's name) and HW_WIDTH
// (floats in its widest vector) set; HW_NAME(f) appends the suffix.

#define HW_INLINE static inline __attribute__((always_inline))

#include "peak_rate.h"

// Moments decay towards 0 for as long as a weight's gradient is 0 (a dead feature), gradients from frame to frame. Below
// 2^-100, which Adam's epsilon hides, they are set to 0: subnormal numbers make loops several times slower on some CPUs.
HW_INLINE float HW_NAME(flushed)(float x) { return __builtin_fabsf(x) < 0x1p-100f ? 0.0f : x; }

// With many tasks on a rank a step's numbers come from memory: asked for while the step before is computed, they are there in
// time. Steps lie one after the other; asking for what lies beyond them reads nothing and does no harm.
HW_INLINE void HW_NAME(prefetch)(const float *x, size_t n) {
  for (size_t i = 0; i < n; i += 16) __builtin_prefetch(x + i, 1, 2);
}

// MARK: Vectors

static void HW_NAME(axpy)(float a, const float *restrict x, float *restrict y, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] += a * x[i];
}

static void HW_NAME(scale)(float a, float *x, size_t n) {
  for (size_t i = 0; i < n; i++) x[i] *= a;
}

// Sixteen partial sums at every level, and squares of floats are exact in double, so the bits are the same everywhere.
static double HW_NAME(sum_squares)(const float *x, size_t n) {
  double lanes[16] = {0};
  size_t i = 0;
  for (; i + 16 <= n; i += 16)
    for (int l = 0; l < 16; l++) lanes[l] += (double)x[i + l] * (double)x[i + l];
  for (int l = 0; i < n; i++, l++) lanes[l] += (double)x[i] * (double)x[i];
  for (int half = 8; half > 0; half /= 2)
    for (int l = 0; l < half; l++) lanes[l] += lanes[l + half];
  return lanes[0];
}

// x <= 0 ? 0 : x, not x > 0 ? x : 0, which would hide a NaN.
static void HW_NAME(relu)(float *x, size_t n) {
  for (size_t i = 0; i < n; i++) x[i] = x[i] <= 0.0f ? 0.0f : x[i];
}

static void HW_NAME(relu_backward)(const float *restrict y, float *restrict dy, size_t n) {
  for (size_t i = 0; i < n; i++) {
    float gradient = dy[i];  // read in any case: a load under a condition is not vectorised
    dy[i] = y[i] <= 0.0f ? 0.0f : gradient;
  }
}

// A 32-bit mixer with low bias: two multiplications and three xor-shifts (C. Wellons, "hash prospector", lowbias32).
HW_INLINE uint32_t HW_NAME(mix)(uint32_t h) {
  h ^= h >> 16;
  h *= 0x7feb352du;
  h ^= h >> 15;
  h *= 0x846ca68bu;
  return h ^ h >> 16;
}

// Neighbouring keys (steps, tasks) are spread by the SplitMix64 finaliser; its halves then key two rounds of the mixer.
static void HW_NAME(dropout)(float *x, size_t n, uint64_t key, uint32_t threshold, float keepScale) {
  key += 0x9e3779b97f4a7c15u;
  key = (key ^ key >> 30) * 0xbf58476d1ce4e5b9u;
  key = (key ^ key >> 27) * 0x94d049bb133111ebu;
  key ^= key >> 31;
  uint32_t low = (uint32_t)key, high = (uint32_t)(key >> 32);
  for (size_t i = 0; i < n; i++) {
    uint32_t h = HW_NAME(mix)(HW_NAME(mix)((uint32_t)i ^ low) + high);
    float kept = x[i] * keepScale;
    x[i] = h < threshold ? 0.0f : kept;
  }
}

// MARK: Rows and columns

static void HW_NAME(add_bias)(float *restrict y, const float *restrict bias, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < columns; c++) y[r * columns + c] += bias[c];
}

static void HW_NAME(add_bias_relu)(float *restrict y, const float *restrict bias, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < columns; c++) {
      float z = y[r * columns + c] + bias[c];
      y[r * columns + c] = z <= 0.0f ? 0.0f : z;
    }
}

static void HW_NAME(column_sums)(const float *restrict x, float *restrict sums, size_t rows, size_t columns) {
  for (size_t c = 0; c < columns; c++) sums[c] = 0.0f;
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < columns; c++) sums[c] += x[r * columns + c];
}

static void HW_NAME(swap_axes)(const float *restrict x, float *restrict y, size_t rows, size_t columns, size_t inner) {
  for (size_t c = 0; c < columns; c++)
    for (size_t r = 0; r < rows; r++, y += inner)
      for (size_t i = 0; i < inner; i++) y[i] = x[(r * columns + c) * inner + i];
}

// MARK: Channels last

#define HW_LANES 1
#include "channel_tiles.h"
#undef HW_LANES
#define HW_LANES 4
#include "channel_tiles.h"
#undef HW_LANES
#if HW_WIDTH >= 8
#define HW_LANES 8
#include "channel_tiles.h"
#undef HW_LANES
#endif
#if HW_WIDTH >= 16
#define HW_LANES 16
#include "channel_tiles.h"
#undef HW_LANES
#endif

// STRIP(lanes, vectors) for strips of the widest vectors first, then narrower ones for the channels left.
#if HW_WIDTH == 16
#define HW_STRIPS(STRIP) STRIP(16, 2) STRIP(16, 1) STRIP(8, 1) STRIP(4, 1) STRIP(1, 1)
#elif HW_WIDTH == 8
#define HW_STRIPS(STRIP) STRIP(8, 2) STRIP(8, 1) STRIP(4, 1) STRIP(1, 1)
#else
#define HW_STRIPS(STRIP) STRIP(4, 2) STRIP(4, 1) STRIP(1, 1)
#endif

// With 16 registers, 12 hold sums; with AVX-512's 32, 24.
#define HW_SUMS(lanes, vectors) (lanes == 16 ? 12 : 12 / vectors)

static void HW_NAME(conv1d)(const float *restrict x, size_t rowStride, size_t step, size_t window,
                            const float *restrict w, const float *restrict bias, float *restrict y, size_t rows,
                            size_t positions, size_t channels) {
  for (size_t r = 0; r < rows; r++, x += rowStride, y += positions * channels) {
    size_t c = 0;
#define STRIP(lanes, vectors)                                                                                          \
  for (; c + lanes * vectors <= channels; c += lanes * vectors)                                                        \
    HW_JOIN(HW_NAME(forward_strip), lanes)(HW_SUMS(lanes, vectors), vectors, x, step, window, w + c, bias + c, y + c,  \
                                           positions, channels);
    HW_STRIPS(STRIP)
#undef STRIP
  }
}

// Adds one row's part.
static void HW_NAME(conv1d_backward_row)(const float *restrict x, size_t step, size_t window, const float *restrict dy,
                                         float *restrict dw, float *restrict db, size_t positions, size_t channels) {
  size_t c = 0;
#define STRIP(lanes, vectors)                                                                                          \
  for (; c + lanes * vectors <= channels; c += lanes * vectors)                                                        \
    HW_JOIN(HW_NAME(backward_strip), lanes)(vectors, x, step, window, dy + c, dw + c, db + c, positions, channels);
  HW_STRIPS(STRIP)
#undef STRIP
}

static void HW_NAME(conv1d_backward)(const float *restrict x, size_t rowStride, size_t step, size_t window,
                                     const float *restrict dy, float *restrict dw, float *restrict db, size_t rows,
                                     size_t positions, size_t channels) {
  for (size_t i = 0; i < window * channels; i++) dw[i] = 0.0f;
  for (size_t c = 0; c < channels; c++) db[c] = 0.0f;
  for (size_t r = 0; r < rows; r++, x += rowStride, dy += positions * channels)
    HW_NAME(conv1d_backward_row)(x, step, window, dy, dw, db, positions, channels);
}

static void HW_NAME(maxpool)(const float *restrict x, float *restrict y, uint16_t *restrict index, size_t rows,
                             size_t positions, size_t channels, size_t window) {
  size_t pooled = positions / window, rest = positions % window;
  for (size_t r = 0; r < rows; r++, x += rest * channels)
    for (size_t q = 0; q < pooled; q++, x += window * channels, y += channels, index += channels) {
      size_t c = 0;
#define STRIP(lanes, vectors)                                                                                          \
  for (; c + lanes <= channels; c += lanes)                                                                            \
    HW_JOIN(HW_NAME(pool_tile), lanes)(x + c, y + c, index + c, channels, window);
      HW_STRIPS(STRIP)
#undef STRIP
    }
}

static void HW_NAME(maxpool_backward)(const uint16_t *restrict index, const float *restrict dy, float *restrict dx,
                                      size_t rows, size_t positions, size_t channels, size_t window) {
  size_t pooled = positions / window, rest = positions % window;
  for (size_t r = 0; r < rows; r++, dx += rest * channels) {
    for (size_t q = 0; q < pooled; q++, dx += window * channels, dy += channels, index += channels) {
      size_t c = 0;
#define STRIP(lanes, vectors)                                                                                          \
  for (; c + lanes <= channels; c += lanes)                                                                            \
    HW_JOIN(HW_NAME(unpool_tile), lanes)(index + c, dy + c, dx + c, channels, window);
      HW_STRIPS(STRIP)
#undef STRIP
    }
    for (size_t i = 0; i < rest * channels; i++) dx[i] = 0.0f;
  }
}

#undef HW_STRIPS
#undef HW_SUMS

// Row by row, so that what the convolution writes is pooled while it lies in the first-level cache. Max and ReLU commute: ReLU
// then has fewer numbers to look at.
static void HW_NAME(conv1d_pool)(const float *restrict x, size_t rowStride, size_t step, size_t window,
                                 const float *restrict w, const float *restrict bias, float *restrict row,
                                 float *restrict y, uint16_t *restrict index, size_t rows, size_t positions,
                                 size_t channels, size_t pool) {
  size_t outputs = positions / pool * channels;
  for (size_t r = 0; r < rows; r++, x += rowStride, y += outputs, index += outputs) {
    HW_NAME(conv1d)(x, rowStride, step, window, w, bias, row, 1, positions, channels);
    HW_NAME(maxpool)(row, y, index, 1, positions, channels, pool);
    HW_NAME(relu)(y, outputs);
  }
}

static void HW_NAME(conv1d_pool_backward)(const float *restrict x, size_t rowStride, size_t step, size_t window,
                                          const float *restrict y, const uint16_t *restrict index, float *restrict dy,
                                          float *restrict row, float *restrict dw, float *restrict db, size_t rows,
                                          size_t positions, size_t channels, size_t pool) {
  size_t outputs = positions / pool * channels;
  for (size_t i = 0; i < window * channels; i++) dw[i] = 0.0f;
  for (size_t c = 0; c < channels; c++) db[c] = 0.0f;
  for (size_t r = 0; r < rows; r++, x += rowStride, y += outputs, index += outputs, dy += outputs) {
    HW_NAME(relu_backward)(y, dy, outputs);
    HW_NAME(maxpool_backward)(index, dy, row, 1, positions, channels, pool);
    HW_NAME(conv1d_backward_row)(x, step, window, row, dw, db, positions, channels);
  }
}

// MARK: Products

#define HW_LANES HW_WIDTH
#include "product_tiles.h"
#undef HW_LANES

// MARK: Digests

#include "digests.h"

// MARK: Recurrence

// x P(x^2) / Q(x^2) by Tests/LayersTests/Fixtures/fit_tanh.py: relative error below 4e-7, root mean square 6e-8. At 12
// the quotient is above 1, so that tanh saturates at exactly 1. The conditions let a NaN through.
HW_INLINE float HW_NAME(tanh)(float x) {
  x = x > 12.0f ? 12.0f : x;
  x = x < -12.0f ? -12.0f : x;
  float u = x * x;
  float p = 1.0f + u * (0.133826837f + u * (0.00349745364f + u * (2.06357563e-05f + u * 1.33842004e-08f)));
  float q = 1.0f + u * (0.467160046f + u * (0.0258843452f + u * (0.000328851078f + u * 7.7902115e-07f)));
  float y = x * p / q;
  y = y > 1.0f ? 1.0f : y;
  return y < -1.0f ? -1.0f : y;
}

// Absolute error below 2e-7, exactly 0 and 1 at the ends.
HW_INLINE float HW_NAME(sigmoid)(float x) { return 0.5f + 0.5f * HW_NAME(tanh)(0.5f * x); }

// row[j] = sum over d of x[d] W[d][j], a chain in order, as a product of matrices makes it.
HW_INLINE void HW_NAME(input_product)(const struct hw_frame *frame, size_t r, float *restrict row, size_t width) {
  const float *x = frame->x + r * frame->stride, *restrict w = frame->weight;
  for (size_t j = 0; j < width; j++) row[j] = x[0] * w[j];
  for (size_t d = 1; d < frame->inputs; d++) {
    w += width;
    for (size_t j = 0; j < width; j++) row[j] += x[d] * w[j];
  }
}

static void HW_NAME(rnn_forward)(float *restrict h, const struct hw_frame *frame, const float *restrict bias,
                                 float *restrict row, size_t rows, size_t hidden) {
  for (size_t r = 0; r < rows; r++, h += hidden) {
    HW_NAME(prefetch)(h + rows * hidden, hidden);
    HW_NAME(input_product)(frame, r, row, hidden);
    for (size_t j = 0; j < hidden; j++) h[j] = HW_NAME(tanh)(h[j] + row[j] + bias[j]);
  }
}

static void HW_NAME(rnn_backward)(const float *restrict h, const float *restrict dh, float *restrict dz, size_t n) {
  for (size_t i = 0; i < n; i++) dz[i] = HW_NAME(flushed)(dh[i] * (1.0f - h[i] * h[i]));
}

// A row's four gates lie in one array, `hidden` apart: assume_safety says that they do not overlap.

static void HW_NAME(lstm_forward)(float *restrict gates, const struct hw_frame *frame, const float *restrict bias,
                                  float *restrict row, const float *restrict before, float *restrict c,
                                  float *restrict h, size_t rows, size_t hidden) {
  for (size_t r = 0; r < rows; r++) {
    HW_NAME(prefetch)(gates + 4 * rows * hidden, 4 * hidden);
    HW_NAME(prefetch)(c + rows * hidden, hidden);
    HW_NAME(input_product)(frame, r, row, 4 * hidden);
#pragma clang loop vectorize(assume_safety)
    for (size_t j = 0; j < hidden; j++) {
      float i = HW_NAME(sigmoid)(gates[j] + row[j] + bias[j]);
      float f = HW_NAME(sigmoid)(gates[hidden + j] + row[hidden + j] + bias[hidden + j]);
      float g = HW_NAME(tanh)(gates[2 * hidden + j] + row[2 * hidden + j] + bias[2 * hidden + j]);
      float o = HW_NAME(sigmoid)(gates[3 * hidden + j] + row[3 * hidden + j] + bias[3 * hidden + j]);
      float cell = f * before[j] + i * g;
      gates[j] = i;
      gates[hidden + j] = f;
      gates[2 * hidden + j] = g;
      gates[3 * hidden + j] = o;
      c[j] = cell;
      h[j] = o * HW_NAME(tanh)(cell);
    }
    gates += 4 * hidden, before += hidden, c += hidden, h += hidden;
  }
}

// tanh(c) and h are computed again: cheaper than to keep them. No earlier step reads this c, so h takes its place.
static void HW_NAME(lstm_backward)(float *restrict gates, const float *restrict before, float *restrict c,
                                   const float *restrict dh, float *restrict dc, size_t rows, size_t hidden) {
  for (size_t r = 0; r < rows; r++) {
    HW_NAME(prefetch)(gates - 4 * rows * hidden, 4 * hidden);
    HW_NAME(prefetch)(before - rows * hidden, hidden);
#pragma clang loop vectorize(assume_safety)
    for (size_t j = 0; j < hidden; j++) {
      float i = gates[j], f = gates[hidden + j], g = gates[2 * hidden + j], o = gates[3 * hidden + j];
      float squashed = HW_NAME(tanh)(c[j]);
      float cell = dc[j] + dh[j] * o * (1.0f - squashed * squashed);
      gates[j] = HW_NAME(flushed)(cell * g * (i * (1.0f - i)));
      gates[hidden + j] = HW_NAME(flushed)(cell * before[j] * (f * (1.0f - f)));
      gates[2 * hidden + j] = HW_NAME(flushed)(cell * i * (1.0f - g * g));
      gates[3 * hidden + j] = HW_NAME(flushed)(dh[j] * squashed * (o * (1.0f - o)));
      dc[j] = HW_NAME(flushed)(cell * f);
      c[j] = o * squashed;
    }
    gates += 4 * hidden, before += hidden, c += hidden, dh += hidden, dc += hidden;
  }
}

// MARK: Adam

HW_INLINE void HW_NAME(adam_of_one)(float *value, float gradient, float m, float v, float *mNext, float *vNext,
                                    const struct hw_adam_rates *r) {
  float g = gradient * r->gradient_scale + r->weight_decay * *value;
  *mNext = HW_NAME(flushed)(r->beta1 * m + (1.0f - r->beta1) * g);
  *vNext = HW_NAME(flushed)(r->beta2 * v + (1.0f - r->beta2) * (g * g));
  *value -= r->step_size * *mNext / (__builtin_elementwise_sqrt(*vNext) * r->inverse_root_bias2 + r->epsilon);
}

static void HW_NAME(adam)(float *restrict value, const float *restrict gradient, float *restrict m, float *restrict v,
                          size_t n, const struct hw_adam_rates *rates) {
  const struct hw_adam_rates r = *rates;
  for (size_t i = 0; i < n; i++) HW_NAME(adam_of_one)(value + i, gradient[i], m[i], v[i], m + i, v + i, &r);
}

// Written past the caches: to read first what is overwritten takes twice as long.
static void HW_NAME(adam_aside)(float *restrict value, const float *restrict gradient, const float *restrict m,
                                const float *restrict v, float *restrict mNext, float *restrict vNext, size_t n,
                                const struct hw_adam_rates *rates) {
  typedef float line __attribute__((vector_size(64)));
  const struct hw_adam_rates r = *rates;
  for (size_t i = 0; i < n; i += 16) {
    union {
      float each[16];
      line all;
    } mean, square;
    for (size_t k = 0; k < 16; k++)
      HW_NAME(adam_of_one)(value + i + k, gradient[i + k], m[i + k], v[i + k], mean.each + k, square.each + k, &r);
    __builtin_nontemporal_store(mean.all, (line *)(mNext + i));
    __builtin_nontemporal_store(square.all, (line *)(vNext + i));
  }
  __atomic_thread_fence(__ATOMIC_SEQ_CST);  // orders such stores before a writer's reading
}

// MARK: Fixed point

// Rounds by adding and subtracting 1.5 * 2^k, which vectorises at every level: first to a multiple of 2^32 (high), then
// the exact rest to an integer (low). Nearest even throughout, as llrint would.
static size_t HW_NAME(fixed_add)(const float *restrict x, int64_t *restrict acc, size_t n, double scale,
                                 double limit) {
#pragma clang fp contract(off)
  const double magicHigh = 0x1.8p84, magicLow = 0x1.8p52;
  int64_t bitsHigh, bitsLow;
  memcpy(&bitsHigh, &magicHigh, 8);
  memcpy(&bitsLow, &magicLow, 8);
  size_t bad = 0;
  for (size_t i = 0; i < n; i++) {
    double value = (double)x[i] * scale;
    int good = fabs(value) < limit;  // false for NaN
    value = good ? value : 0.0;
    bad += !good;
    double high = value + magicHigh, low = (value - (high - magicHigh)) + magicLow;
    int64_t highBits, lowBits;
    memcpy(&highBits, &high, 8);
    memcpy(&lowBits, &low, 8);
    uint64_t rounded = ((uint64_t)(highBits - bitsHigh) << 32) + (uint64_t)(lowBits - bitsLow);
    acc[i] = (int64_t)((uint64_t)acc[i] + rounded);
  }
  return bad;
}

static void HW_NAME(fixed_to_float)(const int64_t *restrict q, float *restrict y, size_t n, double inverseScale) {
  for (size_t i = 0; i < n; i++) y[i] = (float)((double)q[i] * inverseScale);
}

#undef HW_INLINE
