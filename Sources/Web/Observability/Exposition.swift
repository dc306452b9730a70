package import Kernel

/// Prometheus's text format.
///
/// Source: Prometheus, "Exposition formats", text-based format 0.0.4.
package struct Exposition {
  private(set) var output = ""

  /// Adds counters with their labels.
  package mutating func add(_ family: Family<Counter>) {
    header(family.name, family.help, "counter")
    for (labels, counter) in family.all { sample(family.name, labels, String(counter.value)) }
  }

  /// Adds histograms with their labels.
  package mutating func add(_ family: Family<Histogram>) {
    header(family.name, family.help, "histogram")
    for (labels, histogram) in family.all { samples(of: histogram, family.name, labels) }
  }

  /// Adds one histogram.
  package mutating func add(histogram name: String, _ help: String, _ histogram: Histogram) {
    header(name, help, "histogram")
    samples(of: histogram, name, [])
  }

  private mutating func samples(of histogram: Histogram, _ name: String, _ labels: [(String, String)]) {
    let (counts, sum) = histogram.snapshot
    var cumulative = 0
    for (bound, count) in zip(histogram.bounds.map { "\($0)" } + ["+Inf"], counts) {
      cumulative += count
      sample(name + "_bucket", labels + [("le", bound)], String(cumulative))
    }
    sample(name + "_sum", labels, "\(sum)")
    sample(name + "_count", labels, String(cumulative))
  }

  /// Adds a number that grows and shrinks.
  package mutating func add(gauge name: String, _ help: String, _ value: Int) {
    header(name, help, "gauge")
    sample(name, [], String(value))
  }

  /// Adds a number that only grows.
  package mutating func add(counter name: String, _ help: String, _ value: Int) {
    header(name, help, "counter")
    sample(name, [], String(value))
  }

  mutating func add(build version: String) {
    header("apus_build_info", "Which Apus this is.", "gauge")
    sample("apus_build_info", [("version", version)], "1")
  }

  private mutating func header(_ name: String, _ help: String, _ type: String) {
    output += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
  }

  private mutating func sample(_ name: String, _ labels: [(String, String)], _ value: String) {
    let list = labels.map { "\($0.0)=\"\(Self.escape($0.1))\"" }.joined(separator: ",")
    output += list.isEmpty ? "\(name) \(value)\n" : "\(name){\(list)} \(value)\n"
  }

  private static func escape(_ value: String) -> String {
    guard value.contains(where: { $0 == "\\" || $0 == "\"" || $0.isNewline }) else { return value }
    return String(
      value.flatMap { character -> String in
        switch character {
        case "\\": "\\\\"
        case "\"": "\\\""
        case _ where character.isNewline: "\\n"
        default: String(character)
        }
      })
  }
}
