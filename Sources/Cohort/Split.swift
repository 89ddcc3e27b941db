/// The examples of a patient dealt out to training, validation and test, as indices, ascending.
public struct Partition: Sendable, Equatable {
  public var train: [Int] = []
  public var validation: [Int] = []
  public var test: [Int] = []
}

/// The ways to deal out a patient's examples.
///
/// All but `random` cut the record in time, and an example belongs to a part only if its whole window lies in it: the
/// one or two whose windows cross a cut are in no part, so no sample of the lead is both trained and tested on. (The
/// band-pass and the z-score see the whole record, and an RR feature the neighbouring beats' times.)
public enum Split: String, CaseIterable, Sendable {
  /// The first 60 % of the record trains, the next 10 % validates, the last 30 % tests.
  case chronological
  /// The same shares, but of beats drawn at random: neighbours of test beats are trained on, as the published figures
  /// suggest was done. Windows overlap across parts.
  case random
  /// Scarce data: the first 3 minutes train (at most 60 % of the record), the next 10 % of the record validates, the
  /// last 30 % tests, as in `chronological`, so that their figures can be compared. What lies between is not used.
  case low
  /// A source patient of the inconsistent scenario: the last 15 % of the record validates, all before it trains.
  case source
  /// A target patient of the inconsistent scenario: all of it tests.
  case target

  /// Seconds of training data of `low`.
  public static let lowSeconds = 180.0
}

extension Patient {
  /// Deals out the examples. Only `random` uses the seed, together with the patient's name.
  public func partition(_ split: Split, seed: UInt64 = 0) -> Partition {
    let length = Double(sampleCount)
    switch split {
    case .chronological:
      return Partition(
        train: examples(from: 0, to: 0.6 * length),
        validation: examples(from: 0.6 * length, to: 0.7 * length),
        test: examples(from: 0.7 * length, to: length))
    case .low:
      let end = min(Split.lowSeconds * samplingFrequency, 0.6 * length)
      return Partition(
        train: examples(from: 0, to: end), validation: examples(from: end, to: end + 0.1 * length),
        test: examples(from: 0.7 * length, to: length))
    case .source:
      return Partition(
        train: examples(from: 0, to: 0.85 * length), validation: examples(from: 0.85 * length, to: length))
    case .target:
      return Partition(test: Array(0..<examples.count))
    case .random:
      var name = Fingerprint()
      name.add(self.name)
      var stream = RandomStream(seed: seed, name.value)
      var order = Array(0..<examples.count)
      stream.shuffle(&order)
      let first = (6 * order.count + 5) / 10
      let second = (7 * order.count + 5) / 10
      return Partition(
        train: order[..<first].sorted(), validation: order[first..<second].sorted(),
        test: order[second...].sorted())
    }
  }

  /// Seconds that a test or validation beat keeps from every training beat in `partitionByClass`.
  public static let classGuard = 4.0

  /// Deals out each class's examples apart, 60, 10 and 30 %: in order of time (`chronological`) or at random (`random`).
  ///
  /// An arrhythmia's episodes often lie in one stretch of a record: cut by the record's time, a rhythm of one patient would be
  /// trained or tested, never both. The cut then falls within an episode, so in order of time validation and test beats
  /// less than `classGuard` seconds (two windows) from a training beat of any class are in no part; nor are
  /// test beats so near to a validation beat.
  public func partitionByClass(_ split: Split, seed: UInt64 = 0) -> Partition {
    precondition(
      split == .chronological || split == .random, "partitionByClass(.\(split)): chronological or random")
    var name = Fingerprint()
    name.add(self.name)
    var stream = RandomStream(seed: seed, name.value)
    var (train, validation, test): ([Int], [Int], [Int]) = ([], [], [])
    for label in Set(examples.labels).sorted() {
      var members = examples.labels.indices.filter { examples.labels[$0] == label }
      if split == .random { stream.shuffle(&members) }
      let (first, second) = ((6 * members.count + 5) / 10, (7 * members.count + 5) / 10)
      train += members[..<first]
      validation += members[first..<second]
      test += members[second...]
    }
    guard split == .chronological else {
      return Partition(train: train.sorted(), validation: validation.sorted(), test: test.sorted())
    }
    let reach = Self.classGuard * samplingFrequency
    func apart(_ chosen: [Int], from others: [Int]) -> [Int] {
      let places = others.map { examples.positions[$0] }.sorted()
      return chosen.sorted().filter { i in
        let place = Double(examples.positions[i])
        var (low, high) = (0, places.count)  // the first place not before this beat's reach
        while low < high {
          let middle = (low + high) / 2
          if Double(places[middle]) <= place - reach { low = middle + 1 } else { high = middle }
        }
        return low == places.count || Double(places[low]) >= place + reach
      }
    }
    return Partition(
      train: train.sorted(), validation: apart(validation, from: train),
      test: apart(test, from: train + validation))
  }

  /// The examples whose whole window lies between two times, in seconds of the record.
  public func examples(fromSecond start: Double, to end: Double = .infinity) -> Examples {
    examples[examples(from: start * samplingFrequency, to: end * samplingFrequency)]
  }

  /// The examples whose whole window lies in a stretch of the record, in samples of the record.
  private func examples(from start: Double, to end: Double) -> [Int] {
    let scale = samplingFrequency / window.rate
    return examples.positions.indices.filter { i in
      let range = window.range(around: examples.positions[i], samplingFrequency: samplingFrequency)
      return Double(range.lowerBound) * scale >= start && Double(range.upperBound) * scale <= end
    }
  }
}
