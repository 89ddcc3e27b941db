import CKernels
import Foundation

/// Adam (Kingma and Ba 2015) with coupled L2 decay of weights and biases, as torch.optim.Adam does it.
public struct Adam: Sendable {
  private let beta1: Double
  private let beta2: Double
  private let epsilon: Float
  private let weightDecay: Float

  public init(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Float = 1e-8, weightDecay: Float = 0) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
  }

  /// Moves a group's values by its gradients times `gradientScale` (clipping, before decay). `step` counts from 1.
  public func update(_ group: ParameterGroup, step: Int, learningRate: Float, gradientScale: Float) {
    var rates = hw_adam_rates(
      beta1: Float(beta1), beta2: Float(beta2), epsilon: epsilon, weight_decay: weightDecay,
      gradient_scale: gradientScale, step_size: Float(Double(learningRate) / (1 - pow(beta1, Double(step)))),
      inverse_root_bias2: Float(1 / (1 - pow(beta2, Double(step))).squareRoot()))
    hw_adam(group.values, group.gradients, group.firstMoment, group.secondMoment, group.count, &rates)
  }

  /// What gradients of this norm are multiplied by so that it is at most `maximum`: torch.nn.utils.clip_grad_norm_.
  public static func clipFactor(norm: Double, maximum: Double) -> Float {
    maximum.isFinite ? Float(min(1, maximum / (norm + 1e-6))) : 1
  }
}

/// Learning rate falling by half a cosine from `base` to `finalFraction` of it.
public struct CosineSchedule: Sendable {
  private let base: Float
  private let finalFraction: Float
  private let steps: Int

  public init(base: Float, finalFraction: Float, steps: Int) {
    self.base = base
    self.finalFraction = finalFraction
    self.steps = steps
  }

  /// At step k of `steps`, counted from 0.
  public func learningRate(at step: Int) -> Float {
    let way = 0.5 * (1 + cos(Double.pi * Double(step) / Double(steps)))
    return base * (finalFraction + (1 - finalFraction) * Float(way))
  }
}
