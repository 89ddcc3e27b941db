/// Where one signal's samples are in a file of interleaved frames.
struct FramePlaces {
  let frames: Int
  /// Samples of all signals of the file in one frame.
  let frameSamples: Int
  /// The place of the signal's first sample in a frame.
  let first: Int
  let perFrame: Int
  /// Frames of the signal before sample 0.
  let skew: Int
}

extension SignalFormat {
  /// Decodes amplitudes, the stored marker to `Signal.invalid`, and returns the sum of the stored values.
  func load(
    _ bytes: UnsafePointer<UInt8>, _ places: FramePlaces, into samples: UnsafeMutablePointer<Int32>
  ) -> Int {
    guard let coding, let invalidMarker else { return 0 }
    return loadAmplitudes(coding, bytes, places, marker: invalidMarker, into: samples)
  }
}

private func loadAmplitudes<Coding: SampleCoding>(
  _ coding: Coding.Type, _ bytes: UnsafePointer<UInt8>, _ places: FramePlaces, marker: Int32,
  into samples: UnsafeMutablePointer<Int32>
) -> Int {
  var sum = 0
  for frame in 0..<min(places.skew, places.frames) {
    for place in 0..<places.perFrame {
      sum &+= Int(coding.load(bytes, frame &* places.frameSamples &+ places.first &+ place))
    }
  }
  guard places.skew < places.frames else { return sum }
  var target = samples
  for frame in places.skew..<places.frames {
    let start = frame &* places.frameSamples &+ places.first
    for index in start..<(start &+ places.perFrame) {
      let value = coding.load(bytes, index)
      sum &+= Int(value)
      target.pointee = value == marker ? Signal.invalid : value
      target += 1
    }
  }
  return sum
}

/// Decodes first differences. A value beyond 32 bits ends it.
func loadDifferences(
  _ bytes: UnsafePointer<UInt8>, _ places: FramePlaces, from initialValue: Int,
  into samples: UnsafeMutablePointer<Int32>
) -> Int? {
  var sum = 0
  var value = initialValue
  var target = samples
  for frame in 0..<places.frames {
    let start = frame &* places.frameSamples &+ places.first
    for index in start..<(start &+ places.perFrame) {
      value += Int(Coding8.load(bytes, index))
      guard let amplitude = Int32(exactly: value) else { return nil }
      sum &+= value
      guard frame >= places.skew else { continue }
      target.pointee = amplitude
      target += 1
    }
  }
  return sum
}
