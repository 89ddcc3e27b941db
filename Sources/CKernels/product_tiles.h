// Products of matrices, on vectors of HW_LANES floats: of any shape, and a wide linear layer's gradients. kernel_bodies.h includes this file
// once, at the level's widest vector. An element is a chain of multiply-adds in order (in `product` one for each block of k) whatever the
// vectors' width, so that AVX2 and AVX-512 give the same bits, and so do overlapping tiles.

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

// MARK: A wide linear layer's inputs

// A square of dx: its transpose is what accumulates, dy^T being read by vectors and W by single numbers, so that W need not
// be transposed. One that `asks` brings the next inputs' rows of W nearer meanwhile.
HW_INLINE void HW_NAME(input_gradient_tile)(const float *dyT, const float *w, float *dx, size_t rows, size_t inputs,
                                            size_t outputs, int asks) {
  HW_VECTOR sums[HW_LANES];
  HW_UNROLL for (int i = 0; i < HW_LANES; i++) sums[i] = (HW_VECTOR){0};
  for (size_t k = 0; k < outputs; k++) {
    if (asks) __builtin_prefetch(w + HW_LANES * (outputs + k), 0, 2);
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
    HW_NAME(input_gradient_tile)(dyT, w + i * outputs, dx + i, rows, inputs, outputs, 1);
    for (size_t nextRow = HW_LANES; nextRow < rows; nextRow += HW_LANES) {
      size_t r = nextRow + HW_LANES <= rows ? nextRow : rows - HW_LANES;
      HW_NAME(input_gradient_tile)(dyT + r, w + i * outputs, dx + r * inputs + i, rows, inputs, outputs, 0);
    }
  }
}

// MARK: The product

// A tile is HW_TALL rows of two vectors: with 16 registers 8 hold sums, with AVX-512's 32 twice as many.
#define HW_TALL (HW_LANES == 16 ? 8 : 4)
#define HW_STRIP (2 * HW_LANES)
// Of one row or two of a product: four vectors abreast.
#define HW_WIDE (4 * HW_LANES)

// `count` rows of c and `vectors` vectors of columns, the first `columns` of which are c's. Element (i, j) of a is a[i * byRow + j * byColumn];
// the rows of b are bByRow apart. What lies `asks` numbers on from b, if any, is brought nearer meanwhile.
HW_INLINE void HW_NAME(tile)(int count, int vectors, const float *a, size_t byRow, size_t byColumn, const float *b,
                             size_t bByRow, float *c, size_t cByRow, size_t columns, size_t k, float keep, size_t asks) {
  HW_VECTOR sums[HW_TALL * 2];
  HW_UNROLL for (int i = 0; i < count * vectors; i++) sums[i] = (HW_VECTOR){0};
  for (size_t j = 0; j < k; j++, a += byColumn, b += bByRow) {
    if (asks)
      HW_UNROLL for (int v = 0; v < vectors; v++) __builtin_prefetch(b + asks + v * HW_LANES, 0, 2);
    HW_VECTOR row[4];
    HW_UNROLL for (int v = 0; v < vectors; v++) row[v] = *(const HW_VECTOR *)(b + v * HW_LANES);
    HW_UNROLL for (int i = 0; i < count; i++)
      HW_UNROLL for (int v = 0; v < vectors; v++) sums[i * vectors + v] += a[i * byRow] * row[v];
  }
  HW_UNROLL for (int i = 0; i < count; i++, c += cByRow) {
    HW_VECTOR *whole = (HW_VECTOR *)c, *sum = sums + i * vectors;
    if (columns == (size_t)vectors * HW_LANES) {
      HW_UNROLL for (int v = 0; v < vectors; v++) whole[v] = keep == 0 ? sum[v] : keep * whole[v] + sum[v];
    } else {
      float part[HW_WIDE];
      HW_UNROLL for (int v = 0; v < vectors; v++) *(HW_VECTOR *)(part + v * HW_LANES) = sum[v];
      for (size_t q = 0; q < columns; q++) c[q] = keep == 0 ? part[q] : keep * c[q] + part[q];
    }
  }
}

// All m rows of a strip of `columns` columns; the first ones ask for the strip that comes next, `asks` numbers on, which otherwise comes too
// late where b is larger than the cache.
HW_INLINE void HW_NAME(strip)(int vectors, const float *a, size_t byRow, size_t byColumn, const float *b, size_t bByRow,
                              float *c, size_t cByRow, size_t columns, size_t m, size_t k, float keep,
                              const float **next, size_t share, size_t asks) {
  size_t i = 0;
  for (; i + HW_TALL <= m; i += HW_TALL, *next += share) {
    HW_NAME(prefetch)(*next, share);
    if (i == 0)
      HW_NAME(tile)(HW_TALL, vectors, a, byRow, byColumn, b, bByRow, c, cByRow, columns, k, keep, asks);
    else
      HW_NAME(tile)(HW_TALL, vectors, a + i * byRow, byRow, byColumn, b, bByRow, c + i * cByRow, cByRow, columns, k, keep,
                    0);
  }
  for (; i + 2 <= m; i += 2)
    HW_NAME(tile)(2, vectors, a + i * byRow, byRow, byColumn, b, bByRow, c + i * cByRow, cByRow, columns, k, keep, 0);
  if (i < m)
    HW_NAME(tile)(1, vectors, a + i * byRow, byRow, byColumn, b, bByRow, c + i * cByRow, cByRow, columns, k, keep, 0);
}

// Lays out `columns` columns of b as rows of HW_STRIP, filled up with zeros. Element (j, q) of b is b[j * byRow + q * byColumn].
HW_INLINE void HW_NAME(lay_out)(const float *b, size_t byRow, size_t byColumn, size_t columns, float *laid, size_t k) {
  // Columns of b that are rows in memory are transposed by squares, as far as these go.
  const size_t rows = byRow == 1 ? k / HW_LANES * HW_LANES : 0, inSquares = columns / HW_LANES * HW_LANES;
  for (size_t q = 0; q < inSquares; q += HW_LANES)
    for (size_t j = 0; j < rows; j += HW_LANES) {
      HW_VECTOR square[HW_LANES];
      HW_UNROLL for (int i = 0; i < HW_LANES; i++) square[i] = *(const HW_VECTOR *)(b + (q + i) * byColumn + j);
      HW_NAME(transpose_square)(square);
      HW_UNROLL for (int i = 0; i < HW_LANES; i++) *(HW_VECTOR *)(laid + (j + i) * HW_STRIP + q) = square[i];
    }
  for (size_t j = 0; j < k; j++) {
    for (size_t q = j < rows ? inSquares : 0; q < columns; q++) laid[j * HW_STRIP + q] = b[j * byRow + q * byColumn];
    for (size_t q = columns; q < HW_STRIP; q++) laid[j * HW_STRIP + q] = 0;
  }
}

// b is read where it lies, but for its transpose, and for columns that do not fill a vector.
static void HW_NAME(product)(int transposeA, int transposeB, const float *restrict a, const float *restrict b,
                             float *restrict c, size_t m, size_t n, size_t k, float keep, const float *next,
                             size_t ahead) {
  // A longer chain is cut, so that what is read of b stays in the cache for all rows; what is left beyond a block is halved.
  enum { block = 384 };
  static _Thread_local float laid[block * HW_STRIP] __attribute__((aligned(64)));
  const size_t aByRow = transposeA ? 1 : k, aByColumn = transposeA ? m : 1;
  const size_t bByRow = transposeB ? 1 : n, bByColumn = transposeB ? k : 1;
  const size_t tiles = m / HW_TALL * ((n + HW_STRIP - 1) / HW_STRIP);
  size_t share = tiles ? (ahead + tiles - 1) / tiles : 0;
  if (k == 0)
    for (size_t i = 0; i < m * n; i++) c[i] = keep == 0 ? 0 : keep * c[i];
  for (size_t j = 0, length; j < k; j += length, keep = 1, share = 0) {
    length = k - j <= block ? k - j : k - j < 2 * block ? (k - j + 1) / 2 : block;
    const float *aBlock = a + j * aByColumn;
    for (size_t q = 0, columns; q < n; q += columns) {
      const float *rows = b + j * bByRow + q * bByColumn;
      size_t byRow = n;
      if (!transposeB && (m == 1 || m == 2) && n - q >= HW_WIDE) {
        columns = HW_WIDE;
        if (m == 2)
          HW_NAME(tile)(2, 4, aBlock, aByRow, aByColumn, rows, n, c + q, n, columns, length, keep, 0);
        else
          HW_NAME(tile)(1, 4, aBlock, aByRow, aByColumn, rows, n, c + q, n, columns, length, keep, 0);
        continue;
      }
      columns = n - q < HW_STRIP ? n - q : HW_STRIP;
      if (transposeB || columns < HW_LANES) {
        HW_NAME(lay_out)(rows, bByRow, bByColumn, columns, laid, length);
        rows = laid, byRow = HW_STRIP;
      } else if (columns < HW_STRIP) {
        columns = HW_LANES;
      }
      // The strip beside, or the first of the next block. (What was laid out is near.)
      const size_t asks = rows == laid ? 0 : q + columns < n ? columns : length * n - q;
      if (columns > HW_LANES)
        HW_NAME(strip)(2, aBlock, aByRow, aByColumn, rows, byRow, c + q, n, columns, m, length, keep, &next,
                       share, asks);
      else
        HW_NAME(strip)(1, aBlock, aByRow, aByColumn, rows, byRow, c + q, n, columns, m, length, keep, &next,
                       share, asks);
    }
  }
}

// MARK: A wide linear layer's weights

// Rows of x that lie a power of two apart fall into the same few cache sets: a panel's columns are copied side by side first.
static void HW_NAME(linear_weight_gradient)(const float *restrict x, const float *restrict dy, float *restrict dw,
                                            float *restrict panel, size_t rows, size_t inputs, size_t outputs) {
  for (size_t next = 0; next < inputs; next += HW_LANES) {
    size_t input = next + HW_LANES <= inputs ? next : inputs - HW_LANES;
    for (size_t r = 0; r < rows; r++)
      *(HW_VECTOR *)(panel + r * HW_LANES) = *(const HW_VECTOR *)(x + r * inputs + input);
    for (size_t i = 0; i < HW_LANES; i += HW_TALL) {
      float *row = dw + (input + i) * outputs;
      size_t o = 0;
      for (; o + HW_STRIP <= outputs; o += HW_STRIP)
        HW_NAME(tile)(HW_TALL, 2, panel + i, 1, HW_LANES, dy + o, outputs, row + o, outputs, HW_STRIP, rows, 0, 0);
      for (; o < outputs; o += HW_LANES) {
        size_t start = o + HW_LANES <= outputs ? o : outputs - HW_LANES;
        HW_NAME(tile)(HW_TALL, 1, panel + i, 1, HW_LANES, dy + start, outputs, row + start, outputs, HW_LANES, rows, 0, 0);
      }
    }
  }
}

#undef HW_LOW
#undef HW_HIGH
#undef HW_TALL
#undef HW_STRIP
#undef HW_WIDE
#undef HW_VECTOR
#undef HW_UNROLL
