// Products of matrices of a few shapes, on vectors of HW_LANES floats: a small second matrix, and a wide linear layer's gradients.
// kernel_bodies.h includes this file once, at the level's widest vector. Every element is one chain of multiply-adds in order, as oneDNN makes it, so that
// overlapping tiles give the same bits.

#if HW_LANES == 16
#define HW_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HW_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif HW_LANES == 8
#define HW_LOW 0, 8, 1, 9, 2, 10, 3, 11
#define HW_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#else
#define HW_LOW 0, 4, 1, 5
#define HW_HIGH 2, 6, 3, 7
#endif

#define HW_VECTOR HW_JOIN(HW_NAME(vector), HW_LANES)
#define HW_UNROLL _Pragma("clang loop unroll(full)")

// Interleaving the first half of the rows with the second, log2(HW_LANES) times over, transposes the square.
HW_INLINE void HW_NAME(transpose_square)(HW_VECTOR *t) {
  HW_VECTOR u[HW_LANES];
  HW_UNROLL for (int stage = 1; stage < HW_LANES; stage *= 2) {
    HW_UNROLL for (int i = 0; i < HW_LANES / 2; i++) {
      u[2 * i] = __builtin_shufflevector(t[i], t[i + HW_LANES / 2], HW_LOW);
      u[2 * i + 1] = __builtin_shufflevector(t[i], t[i + HW_LANES / 2], HW_HIGH);
    }
    HW_UNROLL for (int i = 0; i < HW_LANES; i++) t[i] = u[i];
  }
}

// A square of dx: its transpose is what accumulates, dy^T being read by vectors and W by single numbers, so that W need not
// be transposed.
HW_INLINE void HW_NAME(input_gradient_tile)(const float *dyT, const float *w, float *dx, size_t rows, size_t inputs,
                                            size_t outputs) {
  HW_VECTOR sums[HW_LANES];
  HW_UNROLL for (int i = 0; i < HW_LANES; i++) sums[i] = (HW_VECTOR){0};
  for (size_t k = 0; k < outputs; k++) {
    HW_VECTOR gradient = *(const HW_VECTOR *)(dyT + k * rows);
    HW_UNROLL for (int i = 0; i < HW_LANES; i++) sums[i] += w[i * outputs + k] * gradient;
  }
  HW_NAME(transpose_square)(sums);
  HW_UNROLL for (int i = 0; i < HW_LANES; i++) *(HW_VECTOR *)(dx + i * inputs) = sums[i];
}

static void HW_NAME(linear_input_gradient)(const float *restrict dyT, const float *restrict w, float *restrict dx,
                                           size_t rows, size_t inputs, size_t outputs) {
  for (size_t nextInput = 0; nextInput < inputs; nextInput += HW_LANES) {
    size_t i = nextInput + HW_LANES <= inputs ? nextInput : inputs - HW_LANES;
    for (size_t nextRow = 0; nextRow < rows; nextRow += HW_LANES) {
      size_t r = nextRow + HW_LANES <= rows ? nextRow : rows - HW_LANES;
      HW_NAME(input_gradient_tile)(dyT + r, w + i * outputs, dx + r * inputs + i, rows, inputs, outputs);
    }
  }
}

// A tile's height: with 16 registers 8 hold sums, with AVX-512's 32 twice as many.
#define HW_TALL (HW_LANES == 16 ? 8 : 4)

HW_INLINE void HW_NAME(product_tile)(int count, int vectors, const float *a, const float *b, float *c, size_t n,
                                     size_t k) {
  HW_VECTOR sums[HW_TALL][2];
  HW_UNROLL for (int i = 0; i < count; i++)
    HW_UNROLL for (int v = 0; v < vectors; v++) sums[i][v] = (HW_VECTOR){0};
  for (size_t j = 0; j < k; j++) {
    HW_VECTOR row[2];
    HW_UNROLL for (int v = 0; v < vectors; v++) row[v] = *(const HW_VECTOR *)(b + j * n + v * HW_LANES);
    HW_UNROLL for (int i = 0; i < count; i++)
      HW_UNROLL for (int v = 0; v < vectors; v++) sums[i][v] += a[i * k + j] * row[v];
  }
  HW_UNROLL for (int i = 0; i < count; i++)
    HW_UNROLL for (int v = 0; v < vectors; v++) *(HW_VECTOR *)(c + i * n + v * HW_LANES) = sums[i][v];
}

// A strip of `vectors` vectors of columns; `ahead` numbers from `next` on are asked for a tile.
HW_INLINE const float *HW_NAME(product_strip)(int vectors, const float *a, const float *b, float *c, size_t m, size_t n,
                                              size_t k, const float *next, size_t ahead) {
  size_t tall = m < HW_TALL ? 1 : HW_TALL;
  for (size_t row = 0; row < m; row += tall, next += ahead) {
    size_t i = row + tall <= m ? row : m - tall;
    HW_NAME(prefetch)(next, ahead);
    if (tall == 1)
      HW_NAME(product_tile)(1, vectors, a + i * k, b, c + i * n, n, k);
    else
      HW_NAME(product_tile)(HW_TALL, vectors, a + i * k, b, c + i * n, n, k);
  }
  return next;
}

static void HW_NAME(small_product)(const float *restrict a, const float *restrict b, float *restrict c, size_t m,
                                   size_t n, size_t k, const float *next, size_t ahead) {
  size_t tiles = (m + HW_TALL - 1) / HW_TALL * ((n + 2 * HW_LANES - 1) / (2 * HW_LANES));
  size_t share = (ahead + tiles - 1) / tiles, column = 0;
  for (; column + 2 * HW_LANES <= n; column += 2 * HW_LANES)
    next = HW_NAME(product_strip)(2, a, b + column, c + column, m, n, k, next, share);
  for (; column < n; column += HW_LANES) {
    size_t start = column + HW_LANES <= n ? column : n - HW_LANES;
    next = HW_NAME(product_strip)(1, a, b + start, c + start, m, n, k, next, share);
  }
}

// `count` rows of dW, of `vectors` vectors each; x comes as a panel of HW_LANES inputs.
HW_INLINE void HW_NAME(weight_gradient_tile)(int count, int vectors, const float *panel, const float *dy, float *dw,
                                             size_t rows, size_t outputs) {
  HW_VECTOR sums[HW_TALL][2];
  HW_UNROLL for (int i = 0; i < count; i++)
    HW_UNROLL for (int v = 0; v < vectors; v++) sums[i][v] = (HW_VECTOR){0};
  for (size_t r = 0; r < rows; r++) {
    HW_VECTOR gradient[2];
    HW_UNROLL for (int v = 0; v < vectors; v++)
      gradient[v] = *(const HW_VECTOR *)(dy + r * outputs + v * HW_LANES);
    HW_UNROLL for (int i = 0; i < count; i++)
      HW_UNROLL for (int v = 0; v < vectors; v++) sums[i][v] += panel[r * HW_LANES + i] * gradient[v];
  }
  HW_UNROLL for (int i = 0; i < count; i++)
    HW_UNROLL for (int v = 0; v < vectors; v++) *(HW_VECTOR *)(dw + i * outputs + v * HW_LANES) = sums[i][v];
}

// Rows of x that lie a power of two apart fall into the same few cache sets: a panel's columns are copied side by side first.
static void HW_NAME(linear_weight_gradient)(const float *restrict x, const float *restrict dy, float *restrict dw,
                                            float *restrict panel, size_t rows, size_t inputs, size_t outputs) {
  const size_t wide = 2 * HW_LANES;
  for (size_t next = 0; next < inputs; next += HW_LANES) {
    size_t input = next + HW_LANES <= inputs ? next : inputs - HW_LANES;
    for (size_t r = 0; r < rows; r++)
      *(HW_VECTOR *)(panel + r * HW_LANES) = *(const HW_VECTOR *)(x + r * inputs + input);
    for (size_t i = 0; i < HW_LANES; i += HW_TALL) {
      float *row = dw + (input + i) * outputs;
      size_t o = 0;
      for (; o + wide <= outputs; o += wide)
        HW_NAME(weight_gradient_tile)(HW_TALL, 2, panel + i, dy + o, row + o, rows, outputs);
      for (; o < outputs; o += HW_LANES) {
        size_t start = o + HW_LANES <= outputs ? o : outputs - HW_LANES;
        HW_NAME(weight_gradient_tile)(HW_TALL, 1, panel + i, dy + start, row + start, rows, outputs);
      }
    }
  }
}

#undef HW_LOW
#undef HW_HIGH
#undef HW_TALL
#undef HW_VECTOR
#undef HW_UNROLL
