import Kernel
/// Prometheus's text format.
///
/// Source: Prometheus, "Exposition formats", text-based format 0.0.4.
struct Exposition {
  private(set) var output = ""

  mutating func add(_ family: Family<Counter>) {
    header(family.name, family.help, "counter")
    for (labels, counter) in family.all { sample(family.name, labels, String(counter.value)) }
  }

  mutating func add(_ family: Family<Histogram>) {
    header(family.name, family.help, "histogram")
    for (labels, histogram) in family.all {
      let (counts, sum) = histogram.snapshot
      var cumulative = 0
      for (bound, count) in zip(histogram.bounds.map { "\($0)" } + ["+Inf"], counts) {
        cumulative += count
        sample(family.name + "_bucket", labels + [("le", bound)], String(cumulative))
      }
      sample(family.name + "_sum", labels, "\(sum)")
      sample(family.name + "_count", labels, String(cumulative))
    }
  }

  mutating func add(gauge name: String, _ help: String, _ value: Int) {
    header(name, help, "gauge")
    sample(name, [], String(value))
  }

  mutating func add(counter name: String, _ help: String, _ value: Int) {
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
