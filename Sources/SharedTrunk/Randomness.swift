import Cohort

/// What a random number is for: a part of the key of its stream.
///
/// Draws and masks up to `p_i` are keyed by (seed, task, step); the trunk's masks and the choice of a slot by (seed, step, layer),
/// without task or rank, so that every rank draws the same. Nothing is ever keyed by rank: any number of ranks draws alike.
enum Draw: UInt64 {
  case taskWeights = 1
  case trunkWeights, minibatch, featureDropout, trunkDropout, slot, meanPart, balancedTest, synthetic, loan,
    member, residualWeights, residualSwitch, anchorChoice, anchorBeats, timingWeights
}

/// The key of a stream: every word moves every bit (SplitMix64's finaliser after each).
func streamKey(_ seed: UInt64, _ purpose: Draw, _ first: Int = 0, _ second: Int = 0) -> UInt64 {
  mixed(mixed(mixed(mixed(seed) ^ purpose.rawValue) ^ UInt64(first)) ^ UInt64(second))
}

private func mixed(_ word: UInt64) -> UInt64 {
  var z = word &+ 0x9E37_79B9_7F4A_7C15
  z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
  z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
  return z ^ (z >> 31)
}
