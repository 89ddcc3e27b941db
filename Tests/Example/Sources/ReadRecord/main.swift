import WFDB

let path = CommandLine.arguments.last!
let record = try Record.read(at: path)
print("\(record.header.name): \(record.sampleCount) frames at \(record.header.samplingFrequency) Hz")
for signal in record.signals {
  let values = signal.physical().filter { !$0.isNaN }
  print("\(signal.name): \(values.min()!) to \(values.max()!) \(signal.specification.units)")
}
let beats = try AnnotationFile.read(at: path + ".atr").annotations.filter(\.code.isBeat)
print("\(beats.count) beats")
