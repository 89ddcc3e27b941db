/// Where one signal's samples are in a file of interleaved frames.
struct FramePlaces {
  let frames: Int
  /// Samples of all signals of the file in one frame.
  let frameSamples: Int
  /// The place of the signal's first sample in a frame.
  let first: Int
  let perFrame: Int
  /// The first frames, which count in the sum but are not wanted.
  let skipped: Int
}

extension SignalFormat {
  /// Decodes amplitudes, the stored marker to `Signal.invalid`, and returns the sum of the stored values.
  func load(
    _ bytes: UnsafePointer<UInt8>, _ places: FramePlaces, into samples: UnsafeMutablePointer<Int32>
  ) -> Int {
    // Each coding by name, so that the compiler makes a loop for each: through `coding` a sample is ten times slower.
    let marker = invalidMarker ?? 0
    return switch self {
    case .null, .format8: 0
    case .format16: loadAmplitudes(Coding16.self, bytes, places, marker: marker, into: samples)
    case .format24: loadAmplitudes(Coding24.self, bytes, places, marker: marker, into: samples)
    case .format32: loadAmplitudes(Coding32.self, bytes, places, marker: marker, into: samples)
    case .format61: loadAmplitudes(Coding61.self, bytes, places, marker: marker, into: samples)
    case .format80: loadAmplitudes(Coding80.self, bytes, places, marker: marker, into: samples)
    case .format160: loadAmplitudes(Coding160.self, bytes, places, marker: marker, into: samples)
    case .format212: loadAmplitudes(Coding212.self, bytes, places, marker: marker, into: samples)
    case .format310: loadAmplitudes(Coding310.self, bytes, places, marker: marker, into: samples)
    case .format311: loadAmplitudes(Coding311.self, bytes, places, marker: marker, into: samples)
    }
  }
}

private func loadAmplitudes<Coding: SampleCoding>(
  _ coding: Coding.Type, _ bytes: UnsafePointer<UInt8>, _ places: FramePlaces, marker: Int32,
  into samples: UnsafeMutablePointer<Int32>
) -> Int {
  let skipped = min(places.skipped, places.frames)
  var sum = 0
  for place in 0..<places.perFrame {
    var index = places.first + place
    for _ in 0..<skipped {
      sum &+= Int(coding.load(bytes, index))
      index &+= places.frameSamples
    }
    var target = samples + place
    for _ in skipped..<places.frames {
      let value = coding.load(bytes, index)
      sum &+= Int(value)
      target.pointee = value == marker ? Signal.invalid : value
      index &+= places.frameSamples
      target += places.perFrame
    }
  }
  return sum
}

/// Decodes first differences from the value before the first, and leaves the last one there. A value beyond 32 bits ends it.
func loadDifferences(
  _ bytes: UnsafePointer<UInt8>, _ places: FramePlaces, from value: inout Int,
  into samples: UnsafeMutablePointer<Int32>
) -> Int? {
  var sum = 0
  var target = samples
  for frame in 0..<places.frames {
    let start = frame &* places.frameSamples &+ places.first
    for index in start..<(start &+ places.perFrame) {
      value += Int(Coding8.load(bytes, index))
      guard let amplitude = Int32(exactly: value) else { return nil }
      sum &+= value
      guard frame >= places.skipped else { continue }
      target.pointee = amplitude
      target += 1
    }
  }
  return sum
}
