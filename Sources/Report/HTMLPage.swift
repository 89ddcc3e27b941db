/// A page that stands alone in one file: nothing is loaded from elsewhere, no script. Light or dark as the reader's system is, from phone to desk.
public struct HTMLPage: Sendable {
  public enum Block: Sendable {
    case paragraph(String)
    case list([String])
    case table(Table)
    /// Side by side where there is room.
    case charts([any Chart])
    /// Of what comes after it within a section.
    case heading(String)
    /// Below a table or charts.
    case caption(String)
  }

  private let title: String
  private let lead: String
  private var sections: [(heading: String, blocks: [Block])] = []

  /// `lead`: the sentence below the title.
  public init(title: String, lead: String) {
    self.title = title
    self.lead = lead
  }

  public mutating func add(_ heading: String, _ blocks: [Block]) { sections.append((heading, blocks)) }

  /// The file's text, HTML that is well-formed XML too.
  public var html: String {
    let body = sections.map { section in
      "<section>\n<h2>\(escaped(section.heading))</h2>\n\(section.blocks.map(Self.html).joined(separator: "\n"))\n</section>"
    }
    return """
      <!DOCTYPE html>
      <html lang="en" xmlns="http://www.w3.org/1999/xhtml">
      <head>
      <meta charset="utf-8"/>
      <meta name="viewport" content="width=device-width, initial-scale=1"/>
      <meta name="color-scheme" content="light dark"/>
      <title>\(escaped(title))</title>
      <style>
      \(Self.style)
      </style>
      </head>
      <body>
      <main>
      <h1>\(escaped(title))</h1>
      <p class="lead">\(escaped(lead))</p>
      \(body.joined(separator: "\n"))
      </main>
      </body>
      </html>

      """
  }

  private static func html(_ block: Block) -> String {
    switch block {
    case .paragraph(let text): "<p>\(escaped(text))</p>"
    case .list(let items): "<ul>\n\(items.map { "<li>\(escaped($0))</li>" }.joined(separator: "\n"))\n</ul>"
    case .table(let table): "<div class=\"wide\">\n\(table.html)\n</div>"
    case .heading(let text): "<h3>\(escaped(text))</h3>"
    case .caption(let text): "<p class=\"caption\">\(escaped(text))</p>"
    case .charts(let charts):
      "<div class=\"charts\">\n\(charts.map { "<figure>\n\($0.svg)\n</figure>" }.joined(separator: "\n"))\n</div>"
    }
  }

  private static let style = """
    :root {
      color-scheme: light dark;
      --ground: #fbfaf8; --card: #fff; --ink: #22262b; --faint: #5b646e; --edge: #e2e0db; --accent: #a3223b;
      --line-1: #0072b2; --line-2: #d55e00; --line-3: #008a64; --line-4: #b8548c; --line-5: #b57a00; --line-6: #2f8fc4;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --ground: #15181c; --card: #1d2126; --ink: #e6e8ea; --faint: #a3acb5; --edge: #343a41; --accent: #ff8095;
        --line-1: #5cb8f2; --line-2: #ff8f4d; --line-3: #3fcf9f; --line-4: #eb9fca; --line-5: #f2bd45; --line-6: #9bd6ff;
      }
    }
    * { box-sizing: border-box; }
    body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
    main { max-width: 72rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
    h1 { font-size: 1.7rem; line-height: 1.2; margin: 0; border-left: .3rem solid var(--accent); padding-left: .8rem; }
    h2 { font-size: 1.15rem; margin: 2.4rem 0 .6rem; }
    h3 { font-size: 1rem; margin: 1.6rem 0 .5rem; }
    p, li { max-width: 48rem; overflow-wrap: anywhere; }
    .lead { font-size: 1.08rem; }
    .caption { font-size: .88rem; color: var(--faint); margin: .5rem 0 1.2rem; }
    .wide { overflow-x: auto; background: var(--card); border: 1px solid var(--edge); border-radius: .5rem; width: fit-content; max-width: 100%; margin: .8rem 0; }
    table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
    th, td { padding: .38rem .6rem; text-align: left; white-space: nowrap; }
    th { color: var(--faint); font-weight: 600; }
    tbody tr { border-top: 1px solid var(--edge); }
    .figures { text-align: right; }
    .charts { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); }
    figure { margin: 0; max-width: 40rem; padding: .9rem; background: var(--card); border: 1px solid var(--edge); border-radius: .5rem; }
    svg { display: block; width: 100%; height: auto; }
    @media (max-width: 40rem) { table { font-size: .84rem; } th, td { padding: .34rem .5rem; } figure { padding: .5rem; } }
    """
}
