import Cohort
import SharedTrunk
import XCTest

final class RecipeTests: XCTestCase {
  /// All but rhythms told apart patient by patient, which no patient has enough of.
  private let experiments = Problem.allCases.flatMap { problem in
    Scenario.allCases.flatMap { scenario in
      (problem == .classification && scenario == .consistent ? [.paper] : TaskKind.allCases).map {
        Experiment(problem, scenario, tasks: $0)
      }
    }
  }

  /// What a recipe says is what networks are built and trained by, and its branch fits the experiment's window.
  func testEveryRecipeFitsItsWindow() {
    for experiment in experiments {
      for kind in BranchShape.Kind.allCases {
        let recipe = experiment.recipe(kind)
        XCTAssertEqual(recipe.branch.kind, kind)
        XCTAssertEqual(recipe.branch.length, experiment.window.length)
        XCTAssertEqual(recipe.branch.length % recipe.branch.frame, 0)
        XCTAssertGreaterThan(recipe.branch.features, 0)
        let options = recipe.options(seed: 12)
        var expected = TrainingOptions()
        (expected.seed, expected.batch, expected.steps) = (12, recipe.batch, recipe.steps)
        (expected.learningRate, expected.pairing) = (recipe.learningRate, recipe.pairing)
        expected.slotDropout = recipe.slotDropout
        XCTAssertEqual(options, expected)
        // The same beat in every slot needs tasks that own the same data, a patient's own head tasks that are patients.
        if recipe.pairing == .same { XCTAssertTrue(experiment.isPooled) }
        if recipe.answer == .own { XCTAssertFalse(experiment.isPooled) }
      }
    }
  }

  /// Tasks side by side have a dropout of their own, unless slots are dropped as well.
  func testDropoutFollowsTheNetwork() {
    let recipe = Experiment(.detection, .inconsistent).recipe(.cnn)
    XCTAssertNotEqual(recipe.dropout.sideBySide, recipe.dropout.other)
    var options = recipe.options(seed: 1)
    XCTAssertEqual(recipe.shape(.mtl(.concat), options).dropout, recipe.dropout.sideBySide)
    for system in [System.mtl(.hard), .stl(.pooled), .stl(.alone)] {
      XCTAssertEqual(recipe.shape(system, options).dropout, recipe.dropout.other)
    }
    options.slotDropout = true
    XCTAssertEqual(recipe.shape(.mtl(.concat), options).dropout, recipe.dropout.other)
  }
}
