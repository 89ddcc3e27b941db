/// A drawing as an `svg` element, to be set into a page or kept as a file: text in the colour of the page around it, marks in `--line-1` to `--line-6` of the page's style where set.
public protocol Chart: Sendable {
  var svg: String { get }
}
