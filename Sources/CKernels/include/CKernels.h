// Products of matrices, the convolution's inner loops and element-wise kernels.
//
// Matrices are row-major and contiguous. Every kernel exists once for each CPU level; which one runs is chosen
// when the program starts and may be changed by `hw_set_cpu_level`. For one shape a kernel gives the
// same bits on every call, wherever its arguments lie in memory, and with AVX2 and AVX-512 alike.
#pragma once
#include <stddef.h>
#include <stdint.h>

// MARK: CPU level

enum { HW_LEVEL_PLAIN = 0, HW_LEVEL_AVX2 = 1, HW_LEVEL_AVX512 = 2 };

/// The highest level this process may use: what the CPU has, or less if the environment variable
/// HEARTWOOD_CPU_LEVEL says plain, avx2 or avx512. Always HW_LEVEL_PLAIN on CPUs other than x86-64.
int hw_cpu_level_supported(void);

/// The level in use.
int hw_cpu_level(void);

/// Uses `level` (at most `hw_cpu_level_supported`) from now on.
void hw_set_cpu_level(int level);

// MARK: Peak rate

/// `rounds` times x = x * factor + addend on as many numbers as keep a core's arithmetic units full; returns how many
/// multiply-adds that were, two operations each. `*result` becomes the sum of the numbers, so that no compiler leaves them out.
uint64_t hw_multiply_adds(size_t rounds, float factor, float addend, float *result);

// MARK: Products of matrices

/// C = op(A) op(B) + keep C, op(A) m x k, op(B) k x n, C m x n; a `transpose` that is not 0 means that the transpose lies in memory. With keep 0
/// nothing of C is read. Meanwhile about `ahead` numbers from `next` on are asked for from memory: what the caller reads next, or 0.
void hw_product(int transposeA, int transposeB, const float *a, const float *b, float *c, size_t m, size_t n, size_t k,
                float keep, const float *next, size_t ahead);

/// Rows, inputs and outputs in the gradients of a linear layer: at least so many.
enum { HW_GRADIENT_LEAST = 16 };

/// dx = dy W^T, dx rows x inputs, W inputs x outputs; dy comes transposed, outputs x rows.
void hw_linear_input_gradient(const float *dyT, const float *w, float *dx, size_t rows, size_t inputs, size_t outputs);
/// dW = x^T dy, x rows x inputs, dy rows x outputs. `panel` is memory for 16 * rows.
void hw_linear_weight_gradient(const float *x, const float *dy, float *dw, float *panel, size_t rows, size_t inputs,
                               size_t outputs);

// MARK: Vectors

/// y += a x
void hw_axpy(float a, const float *x, float *y, size_t n);
/// x *= a
void hw_scale(float a, float *x, size_t n);
/// Sum of squares, in double; the same bits at every level.
double hw_sum_squares(const float *x, size_t n);

// Copies n floats, a multiple of 16, between buffers aligned to 64 bytes, past the caches: what is copied is not read again soon, and
// what the next step needs stays.
void hw_copy_past_caches(float *to, const float *from, size_t n);
/// x = max(x, 0); NaN stays NaN.
void hw_relu(float *x, size_t n);
/// dy = 0 where the rectified output y is 0.
void hw_relu_backward(const float *y, float *dy, size_t n);
/// x[i] = 0 or x[i] * keepScale; 0 where the hash of (key, i) is below `threshold`, of 2^32. The same mask at every level.
void hw_dropout(float *x, size_t n, uint64_t key, uint32_t threshold, float keepScale);

// MARK: Rows and columns

/// y[r][c] += bias[c]
void hw_add_bias(float *y, const float *bias, size_t rows, size_t columns);
/// y[r][c] = max(y[r][c] + bias[c], 0)
void hw_add_bias_relu(float *y, const float *bias, size_t rows, size_t columns);
/// sums[c] = sum over r of x[r][c], in row order
void hw_column_sums(const float *x, float *sums, size_t rows, size_t columns);
/// y[c][r][i] = x[r][c][i], i < inner: rows of frames to frames of rows; for inner = 1 the transpose
void hw_swap_axes(const float *x, float *y, size_t rows, size_t columns, size_t inner);

// MARK: Convolution and pooling, channels last

/// y[r][p][c] = bias[c] + sum over j < window of x[r * rowStride + p * step + j] * w[j][c]
void hw_conv1d(const float *x, size_t rowStride, size_t step, size_t window, const float *w, const float *bias,
               float *y, size_t rows, size_t positions, size_t channels);
/// dw[j][c] = sum over r, p of x[r * rowStride + p * step + j] * dy[r][p][c];  db[c] = sum over r, p of dy[r][p][c]
void hw_conv1d_backward(const float *x, size_t rowStride, size_t step, size_t window, const float *dy, float *dw,
                        float *db, size_t rows, size_t positions, size_t channels);
/// y[r][q][c] = max over i < window of x[r][q * window + i][c], index[r][q][c] the i that gave it. The first maximum wins
/// ties; NaN wins over numbers. x has `positions` positions a row, y positions / window.
void hw_maxpool(const float *x, float *y, uint16_t *index, size_t rows, size_t positions, size_t channels,
                size_t window);
/// dx[r][p][c] = dy where p was the maximum of its window, else 0
void hw_maxpool_backward(const uint16_t *index, const float *dy, float *dx, size_t rows, size_t positions,
                         size_t channels, size_t window);

/// hw_conv1d, hw_maxpool over windows of `pool`, hw_relu: y has positions / pool a row. `row` is memory for one row of the
/// convolution's output, positions * channels.
void hw_conv1d_pool(const float *x, size_t rowStride, size_t step, size_t window, const float *w, const float *bias,
                    float *row, float *y, uint16_t *index, size_t rows, size_t positions, size_t channels, size_t pool);
/// The same back, y and index being what hw_conv1d_pool wrote: sets dw and db from dy, which is masked where y is 0. `row` as there.
void hw_conv1d_pool_backward(const float *x, size_t rowStride, size_t step, size_t window, const float *y,
                             const uint16_t *index, float *dy, float *row, float *dw, float *db, size_t rows,
                             size_t positions, size_t channels, size_t pool);

// MARK: Digests

/// SHA-256's inner loop (FIPS 180-4, section 6.2.2) on `count` messages, at most sixteen: `blocks` blocks of 64 bytes of each. Word i of
/// message l's state is states[16 * i + l]. There are sixteen places to read; what is made of those from `count` on is of no use. The same
/// bits at every level.
void hw_sha256_blocks(uint32_t *states, const uint8_t *const *messages, size_t count, size_t blocks);

// MARK: Recurrence

/// What a recurrent layer reads at one step: `inputs` numbers a row, row r's from x + r * stride on, and W, inputs x gates * hidden.
struct hw_frame {
  const float *x;
  size_t stride, inputs;
  const float *weight;
};

/// One step of an RNN: h = tanh(h + x W + bias), h being the product of the state before. `row` is memory for `hidden` numbers.
/// Steps follow one another in memory: the next one's part is asked for ahead. So in the kernels below.
void hw_rnn_forward(float *h, const struct hw_frame *frame, const float *bias, float *row, size_t rows, size_t hidden);
/// dz = dh * (1 - h^2)
void hw_rnn_backward(const float *h, const float *dh, float *dz, size_t n);
/// One step of an LSTM. `bias` and a row of `gates` are i, f, g, o, `hidden` numbers each. Adds x W and the bias to the state's
/// products in `gates` and activates them in place; c = f * before + i * g, h = o * tanh(c). `row` is memory for 4 * hidden numbers.
void hw_lstm_forward(float *gates, const struct hw_frame *frame, const float *bias, float *row, const float *before,
                     float *c, float *h, size_t rows, size_t hidden);
/// The same step back, in place: activated gates become dL/d(what was activated), c becomes h once more, and dc = dL/dc, as far
/// as later steps make it, becomes dL/dbefore.
void hw_lstm_backward(float *gates, const float *before, float *c, const float *dh, float *dc, size_t rows,
                      size_t hidden);

// MARK: Loss

/// Softmax of each row into `probabilities`; returns the sum over rows, in row order, of weight * cross-entropy. `weights`
/// may be NULL (all 1). Computed in double, the same bits at every level. Labels must lie in 0 ..< classes.
double hw_softmax_cross_entropy(const float *logits, const int32_t *labels, const float *weights, float *probabilities,
                                size_t rows, size_t classes);
/// dlogits[r][c] = scale * weights[r] * (probabilities[r][c] - (c == labels[r]))
void hw_softmax_cross_entropy_backward(const float *probabilities, const int32_t *labels, const float *weights,
                                       float scale, float *dlogits, size_t rows, size_t classes);

// MARK: Adam

struct hw_adam_rates {
  float beta1, beta2, epsilon, weight_decay;
  float gradient_scale;       // clipping, before decay
  float step_size;            // learning rate / (1 - beta1^t)
  float inverse_root_bias2;   // 1 / sqrt(1 - beta2^t)
};
/// One step of Adam with coupled weight decay, as torch.optim.Adam does it.
void hw_adam(float *value, const float *gradient, float *m, float *v, size_t n, const struct hw_adam_rates *rates);
/// The same bits, the new moments written elsewhere, past the caches. Moments are 64-byte aligned, `n` is a multiple of 16.
void hw_adam_aside(float *value, const float *gradient, const float *m, const float *v, float *mNext, float *vNext,
                   size_t n, const struct hw_adam_rates *rates);

// MARK: Fixed point

/// acc[i] += round to nearest even (x[i] * scale). Where x[i] is not finite or |x[i] * scale| >= limit nothing is added;
/// returns how many such elements there are. limit at most 2^62. The same bits at every level.
size_t hw_fixed_add(const float *x, int64_t *acc, size_t n, double scale, double limit);
/// y[i] = q[i] * inverseScale, through double. The same bits at every level.
void hw_fixed_to_float(const int64_t *q, float *y, size_t n, double inverseScale);
