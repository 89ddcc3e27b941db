// The kernels' bodies. kernels.c includes this file once a CPU level with HW_SUFFIX (the level's name) and HW_WIDTH
// (floats in its widest vector) set; HW_NAME(f) appends the suffix.

#define HW_INLINE static inline __attribute__((always_inline))

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
  for (size_t i = 0; i < n; i++) dy[i] = y[i] <= 0.0f ? 0.0f : dy[i];
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
    x[i] = h < threshold ? 0.0f : x[i] * keepScale;
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

// MARK: Convolution

static void HW_NAME(conv1d)(const float *restrict x, size_t rowStride, size_t step, size_t window,
                            const float *restrict w, const float *restrict bias, float *restrict y, size_t rows,
                            size_t positions, size_t channels) {
  for (size_t r = 0; r < rows; r++)
    for (size_t p = 0; p < positions; p++) {
      float *out = y + (r * positions + p) * channels;
      for (size_t c = 0; c < channels; c++) out[c] = bias[c];
      for (size_t j = 0; j < window; j++)
        for (size_t c = 0; c < channels; c++) out[c] += x[r * rowStride + p * step + j] * w[j * channels + c];
    }
}

static void HW_NAME(conv1d_backward)(const float *restrict x, size_t rowStride, size_t step, size_t window,
                                     const float *restrict dy, float *restrict dw, float *restrict db, size_t rows,
                                     size_t positions, size_t channels) {
  HW_NAME(column_sums)(dy, db, rows * positions, channels);
  for (size_t i = 0; i < window * channels; i++) dw[i] = 0.0f;
  for (size_t r = 0; r < rows; r++)
    for (size_t p = 0; p < positions; p++)
      for (size_t j = 0; j < window; j++)
        for (size_t c = 0; c < channels; c++)
          dw[j * channels + c] += x[r * rowStride + p * step + j] * dy[(r * positions + p) * channels + c];
}

// MARK: Pooling

static void HW_NAME(maxpool)(const float *restrict x, float *restrict y, uint16_t *restrict index, size_t rows,
                             size_t positions, size_t channels, size_t window) {
  size_t pooled = positions / window;
  for (size_t r = 0; r < rows; r++)
    for (size_t q = 0; q < pooled; q++) {
      const float *in = x + (r * positions + q * window) * channels;
      float *out = y + (r * pooled + q) * channels;
      uint16_t *at = index + (r * pooled + q) * channels;
      for (size_t c = 0; c < channels; c++) {
        out[c] = in[c];
        at[c] = 0;
      }
      for (size_t i = 1; i < window; i++)
        for (size_t c = 0; c < channels; c++) {
          float value = in[i * channels + c];
          int take = value > out[c] || value != value;
          out[c] = take ? value : out[c];
          at[c] = take ? (uint16_t)i : at[c];
        }
    }
}

static void HW_NAME(maxpool_backward)(const uint16_t *restrict index, const float *restrict dy, float *restrict dx,
                                      size_t rows, size_t positions, size_t channels, size_t window) {
  size_t pooled = positions / window, used = pooled * window;
  for (size_t r = 0; r < rows; r++) {
    float *row = dx + r * positions * channels;
    for (size_t q = 0; q < pooled; q++) {
      const float *in = dy + (r * pooled + q) * channels;
      const uint16_t *at = index + (r * pooled + q) * channels;
      for (size_t i = 0; i < window; i++)
        for (size_t c = 0; c < channels; c++)
          row[(q * window + i) * channels + c] = at[c] == i ? in[c] : 0.0f;
    }
    for (size_t i = used * channels; i < positions * channels; i++) row[i] = 0.0f;
  }
}

// MARK: Adam

static void HW_NAME(adam)(float *restrict value, const float *restrict gradient, float *restrict m, float *restrict v,
                          size_t n, const struct hw_adam_rates *rates) {
  float beta1 = rates->beta1, beta2 = rates->beta2, epsilon = rates->epsilon, decay = rates->weight_decay;
  float scale = rates->gradient_scale, step = rates->step_size, correction = rates->inverse_root_bias2;
  for (size_t i = 0; i < n; i++) {
    float g = gradient[i] * scale + decay * value[i];
    m[i] = beta1 * m[i] + (1.0f - beta1) * g;
    v[i] = beta2 * v[i] + (1.0f - beta2) * (g * g);
    value[i] -= step * m[i] / (__builtin_elementwise_sqrt(v[i]) * correction + epsilon);
  }
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
