import CKernels

/// Adam (Kingma and Ba 2015, algorithm 1) with weight decay added to the gradient, as torch.optim.Adam has it: biases decay too.
public struct Adam: Sendable {
  public var learningRate: Float
  public var beta1: Double
  public var beta2: Double
  /// Above 0.
  public var epsilon: Float
  public var weightDecay: Float

  public init(
    learningRate: Float, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Float = 1e-8,
    weightDecay: Float = 0
  ) {
    precondition(epsilon > 0, "Adam's epsilon must be above 0")
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
  }

  /// One step on all tensors of the group.
  /// - Parameters:
  ///   - t: the step's number, from 1.
  ///   - learningRate: this step's, `self.learningRate` if nil.
  ///   - gradientScale: multiplies the gradients before decay: `clipFactor`'s result, or 1.
  public func update(
    _ group: ParameterGroup, step t: Int, learningRate: Float? = nil, gradientScale: Float = 1
  ) {
    precondition(t >= 1, "Adam's steps count from 1")
    var rates = hw_adam_rates(
      beta1: Float(beta1), beta2: Float(beta2), epsilon: epsilon, weight_decay: weightDecay,
      gradient_scale: gradientScale,
      step_size: Float(Double(learningRate ?? self.learningRate) / (1 - power(beta1, t))),
      inverse_root_bias2: Float(1 / (1 - power(beta2, t)).squareRoot()))
    let count = group.count
    group.changeMoments { old, new in
      if old === new {
        hw_adam(group.values, group.gradients, old.data, old.data + count, count, &rates)
      } else {
        hw_adam_aside(
          group.values, group.gradients, old.data, old.data + count, new.data, new.data + count, count, &rates
        )
      }
    }
  }

  /// What gradients of that norm are multiplied by so that it is at most `max`: max / (norm + 1e-6), never above 1, as
  /// torch.nn.utils.clip_grad_norm_ has it.
  public static func clipFactor(norm: Double, max: Double) -> Float {
    Float(min(1, max / (norm + 1e-6)))
  }
}

/// Half a cosine from `base` down to base * finalFraction.
public struct CosineSchedule: Sendable {
  public let base: Float
  public let finalFraction: Double
  public let steps: Int

  public init(base: Float, finalFraction: Double = 0.05, steps: Int) {
    self.base = base
    self.finalFraction = finalFraction
    self.steps = steps
  }

  /// At step `k` of `steps`, counted from 0: `base` at 0, base * finalFraction from `steps` on.
  public func learningRate(at k: Int) -> Float {
    let done = Double(min(max(k, 0), steps)) / Double(max(steps, 1))
    return Float(Double(base) * (finalFraction + (1 - finalFraction) * 0.5 * (1 + cosine(.pi * done))))
  }
}

// libm's pow and cos may differ in the last bit between CPUs; replicas on mixed nodes must not.

private func power(_ base: Double, _ exponent: Int) -> Double {
  var (result, square, rest) = (1.0, base, exponent)
  while rest > 0 {
    if rest & 1 == 1 { result *= square }
    square *= square
    rest >>= 1
  }
  return result
}

/// Taylor's series, for 0 ... pi.
private func cosine(_ x: Double) -> Double {
  var (sum, term) = (1.0, 1.0)
  for n in stride(from: 2.0, through: 28, by: 2) {
    term *= -x * x / (n * (n - 1))
    sum += term
  }
  return sum
}
