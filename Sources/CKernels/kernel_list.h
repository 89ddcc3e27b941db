// Every kernel that is compiled once a CPU level: X(result, name, parameters, arguments).
// kernels.c makes the bodies and tables from it, and the public function that calls the table in use.
#define HW_KERNELS(X)                                                                                                  \
  X(uint64_t, multiply_adds, (size_t rounds, float factor, float addend, float *result),                               \
    (rounds, factor, addend, result))                                                                                  \
  X(void, axpy, (float a, const float *x, float *y, size_t n), (a, x, y, n))                                           \
  X(void, scale, (float a, float *x, size_t n), (a, x, n))                                                             \
  X(double, sum_squares, (const float *x, size_t n), (x, n))                                                           \
  X(void, relu, (float *x, size_t n), (x, n))                                                                          \
  X(void, relu_backward, (const float *y, float *dy, size_t n), (y, dy, n))                                            \
  X(void, dropout, (float *x, size_t n, uint64_t key, uint32_t threshold, float keepScale),                            \
    (x, n, key, threshold, keepScale))                                                                                 \
  X(void, add_bias, (float *y, const float *bias, size_t rows, size_t columns), (y, bias, rows, columns))              \
  X(void, add_bias_relu, (float *y, const float *bias, size_t rows, size_t columns), (y, bias, rows, columns))         \
  X(void, column_sums, (const float *x, float *sums, size_t rows, size_t columns), (x, sums, rows, columns))           \
  X(void, swap_axes, (const float *x, float *y, size_t rows, size_t columns, size_t inner),                            \
    (x, y, rows, columns, inner))                                                                                      \
  X(void, conv1d,                                                                                                      \
    (const float *x, size_t rowStride, size_t step, size_t window, const float *w, const float *bias, float *y,        \
     size_t rows, size_t positions, size_t channels),                                                                  \
    (x, rowStride, step, window, w, bias, y, rows, positions, channels))                                               \
  X(void, conv1d_backward,                                                                                             \
    (const float *x, size_t rowStride, size_t step, size_t window, const float *dy, float *dw, float *db, size_t rows, \
     size_t positions, size_t channels),                                                                               \
    (x, rowStride, step, window, dy, dw, db, rows, positions, channels))                                               \
  X(void, maxpool,                                                                                                     \
    (const float *x, float *y, uint16_t *index, size_t rows, size_t positions, size_t channels, size_t window),        \
    (x, y, index, rows, positions, channels, window))                                                                  \
  X(void, maxpool_backward,                                                                                            \
    (const uint16_t *index, const float *dy, float *dx, size_t rows, size_t positions, size_t channels,                \
     size_t window),                                                                                                   \
    (index, dy, dx, rows, positions, channels, window))                                                                \
  X(void, conv1d_pool,                                                                                                 \
    (const float *x, size_t rowStride, size_t step, size_t window, const float *w, const float *bias, float *row,      \
     float *y, uint16_t *index, size_t rows, size_t positions, size_t channels, size_t pool),                          \
    (x, rowStride, step, window, w, bias, row, y, index, rows, positions, channels, pool))                             \
  X(void, conv1d_pool_backward,                                                                                        \
    (const float *x, size_t rowStride, size_t step, size_t window, const float *y, const uint16_t *index, float *dy,   \
     float *row, float *dw, float *db, size_t rows, size_t positions, size_t channels, size_t pool),                   \
    (x, rowStride, step, window, y, index, dy, row, dw, db, rows, positions, channels, pool))                          \
  X(void, product,                                                                                                     \
    (int transposeA, int transposeB, const float *a, const float *b, float *c, size_t m, size_t n, size_t k,           \
     float keep, const float *next, size_t ahead),                                                                     \
    (transposeA, transposeB, a, b, c, m, n, k, keep, next, ahead))                                                     \
  X(void, linear_input_gradient,                                                                                       \
    (const float *dyT, const float *w, float *dx, size_t rows, size_t inputs, size_t outputs),                         \
    (dyT, w, dx, rows, inputs, outputs))                                                                               \
  X(void, linear_weight_gradient,                                                                                      \
    (const float *x, const float *dy, float *dw, float *panel, size_t rows, size_t inputs, size_t outputs),            \
    (x, dy, dw, panel, rows, inputs, outputs))                                                                         \
  X(void, sha256_blocks, (uint32_t *states, const uint8_t *const *messages, size_t count, size_t blocks),              \
    (states, messages, count, blocks))                                                                                 \
  X(void, rnn_forward,                                                                                                 \
    (float *h, const struct hw_frame *frame, const float *bias, float *row, size_t rows, size_t hidden),               \
    (h, frame, bias, row, rows, hidden))                                                                               \
  X(void, rnn_backward, (const float *h, const float *dh, float *dz, size_t n), (h, dh, dz, n))                        \
  X(void, lstm_forward,                                                                                                \
    (float *gates, const struct hw_frame *frame, const float *bias, float *row, const float *before, float *c,         \
     float *h, size_t rows, size_t hidden),                                                                            \
    (gates, frame, bias, row, before, c, h, rows, hidden))                                                             \
  X(void, lstm_backward,                                                                                               \
    (float *gates, const float *before, float *c, const float *dh, float *dc, size_t rows, size_t hidden),             \
    (gates, before, c, dh, dc, rows, hidden))                                                                          \
  X(void, adam,                                                                                                        \
    (float *value, const float *gradient, float *m, float *v, size_t n, const struct hw_adam_rates *rates),            \
    (value, gradient, m, v, n, rates))                                                                                 \
  X(void, adam_aside,                                                                                                  \
    (float *value, const float *gradient, const float *m, const float *v, float *mNext, float *vNext, size_t n,        \
     const struct hw_adam_rates *rates),                                                                               \
    (value, gradient, m, v, mNext, vNext, n, rates))                                                                   \
  X(size_t, fixed_add, (const float *x, int64_t *acc, size_t n, double scale, double limit),                           \
    (x, acc, n, scale, limit))                                                                                         \
  X(void, fixed_to_float, (const int64_t *q, float *y, size_t n, double inverseScale), (q, y, n, inverseScale))
