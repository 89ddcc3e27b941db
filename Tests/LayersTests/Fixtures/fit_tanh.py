#!/usr/bin/env python3
"""Fits the kernels' tanh: x P(x^2) / Q(x^2), both of degree 4 with constant term 1, to the least relative error.

    python3 fit_tanh.py        (needs numpy; prints P's coefficients and Q's, x^2 first, and the error in float)

Above 9.02 tanh rounds to 1 in float. With constant terms of 1 small numbers, subnormal ones too, come out as they are.
"""
import numpy as np

DEGREE, END = 4, 9.02


def fit():
    """Lawson's method on P - tanh(x)/x Q = 0: least squares, each point's weight growing with its error."""
    x = END * (1 - np.cos(np.linspace(0, np.pi, 801)[1:])) / 2
    target = np.tanh(x) / x
    powers = (x[:, None] / END) ** (2 * np.arange(1, DEGREE + 1))
    weight, q = np.ones_like(x), np.ones_like(x)
    best = (np.inf, None)
    for _ in range(400):
        scale = np.sqrt(weight) / (target * q)
        columns = np.hstack([powers, -powers * target[:, None]]) * scale[:, None]
        solution = np.linalg.lstsq(columns, (target - 1) * scale, rcond=None)[0]
        p, q = 1 + powers @ solution[:DEGREE], 1 + powers @ solution[DEGREE:]
        error = np.abs(p / (q * target) - 1)
        best = min(best, (error.max(), tuple(solution)))
        weight *= error / error.max() + 1e-3
        weight /= weight.sum()
    scales = END ** (-2.0 * np.arange(1, DEGREE + 1))
    return best[0], np.array(best[1]) * np.tile(scales, 2)


def in_float(x, coefficients, fused):
    """The kernel's arithmetic; a fused multiply-add is emulated in double, where the product is exact."""
    if fused:
        step = lambda a, b: (a.astype(np.float64) * u + b).astype(np.float32)
    else:
        step = lambda a, b: a * u + b
    u = x * x

    def polynomial(c):
        sum = np.full_like(x, c[-1])
        for a in [*c[-2::-1], np.float32(1)]:
            sum = step(sum, a)
        return sum

    return x * polynomial(coefficients[:DEGREE]) / polynomial(coefficients[DEGREE:])


def error_in_float(x, exact, coefficients):
    """The worst relative error, what is above 1 taken as 1."""
    return max(np.abs(np.minimum(in_float(x, coefficients, fused), 1) / exact - 1).max() for fused in (False, True))


if __name__ == "__main__":
    error, coefficients = fit()
    coefficients = coefficients.astype(np.float32)
    x = np.linspace(1e-3, 12, 3_000_001, dtype=np.float32)
    print("P", *("%.9g" % c for c in coefficients[:DEGREE]))
    print("Q", *("%.9g" % c for c in coefficients[DEGREE:]))
    print("relative error: exact arithmetic %.2g, float %.2g"
          % (error, error_in_float(x, np.tanh(x.astype(np.float64)), coefficients)))
