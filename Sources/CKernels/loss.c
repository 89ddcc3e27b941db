// Softmax and cross-entropy. Classes are few, so this is computed in double, once for every CPU level. exp and log are
// written out because libm's differ in the last bit from CPU to CPU, and ranks on mixed nodes must agree.
#include "CKernels.h"
#include <math.h>
#include <string.h>

#pragma clang fp contract(off)

// x <= 0, or NaN. e^x = 2^k e^r, |r| <= ln(2)/2, Taylor to r^13: error below 1e-16.
static double exponential(double x) {
  if (!(x >= -708.0)) return x < 0.0 ? 0.0 : x;
  double k = nearbyint(x * 1.4426950408889634);
  double r = (x - k * 0x1.62e42feep-1) - k * 0x1.a39ef35793c76p-33;
  double sum = 1.0;
  for (int i = 13; i >= 1; i--) sum = 1.0 + sum * r / i;
  return ldexp(sum, (int)k);
}

// x >= 1. ln x = k ln 2 + 2 artanh((m - 1) / (m + 1)), m within sqrt(1/2) ... sqrt(2).
static double logarithm(double x) {
  int k;
  double m = frexp(x, &k);
  if (m < 0.7071067811865476) {
    m *= 2.0;
    k -= 1;
  }
  double s = (m - 1.0) / (m + 1.0), s2 = s * s, sum = 0.0;
  for (int i = 21; i >= 1; i -= 2) sum = 1.0 / i + sum * s2;
  return k * 0.6931471805599453 + 2.0 * s * sum;
}

double hw_softmax_cross_entropy(const float *logits, const int32_t *labels, const float *weights, float *probabilities,
                                size_t rows, size_t classes) {
  double loss = 0.0;
  for (size_t r = 0; r < rows; r++) {
    const float *z = logits + r * classes;
    float *p = probabilities + r * classes;
    double highest = z[0];
    for (size_t c = 1; c < classes; c++)
      if (z[c] > highest) highest = z[c];
    double sum = 0.0;
    for (size_t c = 0; c < classes; c++) sum += exponential(z[c] - highest);
    for (size_t c = 0; c < classes; c++) p[c] = (float)(exponential(z[c] - highest) / sum);
    double weight = weights ? weights[r] : 1.0;
    loss += weight * (logarithm(sum) + highest - z[labels[r]]);
  }
  return loss;
}

void hw_softmax_cross_entropy_backward(const float *probabilities, const int32_t *labels, const float *weights,
                                       float scale, float *dlogits, size_t rows, size_t classes) {
  for (size_t r = 0; r < rows; r++) {
    float factor = weights ? scale * weights[r] : scale;
    for (size_t c = 0; c < classes; c++) {
      float hot = (size_t)labels[r] == c ? 1.0f : 0.0f;
      dlogits[r * classes + c] = factor * (probabilities[r * classes + c] - hot);
    }
  }
}
