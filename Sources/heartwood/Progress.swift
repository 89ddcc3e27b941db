import Foundation
import MPI
import SharedTrunk
import WFDB

/// What a person sees while a network trains: a line that renews itself on a terminal, a line every so often elsewhere.
final class Progress {
  private let title: String
  private let steps: Int
  private let examplesPerStep: Int
  private let speaks: Bool
  private let terminal: Bool
  private var shown = -1.0
  private var validation: Double?

  /// `speaks`: whether this rank prints.
  init(_ title: String, steps: Int, examplesPerStep: Int, speaks: Bool) {
    self.title = title
    self.steps = steps
    self.examplesPerStep = examplesPerStep
    self.speaks = speaks
    terminal = Launcher.isTerminal
  }

  func show(_ report: StepReport) {
    guard speaks else { return }
    validation = report.validation ?? validation
    let last = report.step == steps
    let due =
      terminal ? report.seconds - shown >= 0.1 : report.step * 10 / steps > (report.step - 1) * 10 / steps
    guard due || last else { return }
    shown = report.seconds
    let rate = Double(report.step * examplesPerStep) / max(report.seconds, 1e-9)
    let left = report.seconds / Double(report.step) * Double(steps - report.step)
    var line = "\(title)  step \(report.step)/\(steps)  loss \(decimals(report.loss, 4))"
    if let validation { line += "  validation \(decimals(validation, 3))" }
    line +=
      "  \(Int(rate)) examples/s  \(last ? "took \(decimals(report.seconds, 1)) s" : "\(decimals(left, 0)) s left")"
    if terminal {
      renew(line)
      if last { say("") }
    } else {
      say(line)
    }
  }
}

/// Prints at once: under mpirun standard output is a pipe. What the text has from files cannot move the cursor or colour.
func say(_ text: String) {
  print(printableLines(text))
  fflush(nil)
}

/// Prints over the terminal's last line.
func renew(_ line: String) {
  print("\r\u{1B}[K\(printableLines(line))", terminator: "")
  fflush(nil)
}

/// `value` with a fixed number of decimals.
func decimals(_ value: Double, _ count: Int) -> String { String(format: "%.\(count)f", value) }

/// How far work of many pieces is, and how long it will take.
struct WorkProgress {
  private let speaks: Bool
  private let start = Date()
  private var shown = Date.distantPast

  init(speaks: Bool) { self.speaks = speaks }

  /// `done` and `all` in any unit that goes with time.
  mutating func show(done: Double, of all: Double, _ text: String) {
    Watchdog.feed()
    let interval = Launcher.isTerminal ? 0.1 : 10
    guard speaks, Date().timeIntervalSince(shown) > interval else { return }
    shown = Date()
    let spent = Date().timeIntervalSince(start)
    let left = done > 0 ? Self.duration(spent / done * (all - done)) + " left" : "time left not known yet"
    let line = "\(Int(100 * done / max(all, 1))) %  \(text)  \(left)"
    if Launcher.isTerminal { renew(line) } else { say(line) }
  }

  func end(_ text: String) {
    guard speaks else { return }
    if Launcher.isTerminal { renew("") }
    say("100 %  \(text) took \(Self.duration(Date().timeIntervalSince(start)))")
  }

  private static func duration(_ seconds: Double) -> String {
    seconds < 90 ? "\(decimals(seconds, 0)) s" : "\(decimals(seconds / 60, 1)) min"
  }
}
