import Yams

extension SettingsSection {
  /// A section with names of its own.
  func section(_ name: String, visit: (SettingsSection) -> Void) {
    let section = SettingsSection(
      path: path(name), variable: variable(name), content: mapping(name), isNew: isNew, walk: walk)
    visit(section)
    section.finish()
    note(name, section.text)
  }

  /// A section whose names the user chooses; the file's names replace the ones that were there.
  func map<Value>(
    _ name: String, _ values: inout [String: Value], new: Value, names format: SettingFormat<String>,
    visit: (inout Value, SettingsSection) -> Void
  ) {
    let outer = SettingsSection(
      path: path(name), variable: variable(name), content: mapping(name), isNew: false, walk: walk)
    outer.acceptsUnknown = true
    let isNew = has(name)
    if isNew { values = Dictionary(outer.content.map { ($0.name, new) }, uniquingKeysWith: { first, _ in first }) }
    for key in values.keys.sorted() {
      if isNew, format.read(key) == nil {
        walk.report(
          outer.path(key), expected: format.expectation, came: String(reflecting: String(key.prefix(80))),
          remedy: format.remedy)
      }
      let inner = SettingsSection(
        path: outer.path(key), variable: outer.variable(key), content: outer.mapping(key), isNew: isNew, walk: walk)
      visit(&values[key, default: new], inner)
      inner.finish()
      outer.note(key, inner.text)
    }
    outer.finish()
    note(name, outer.text)
  }

  /// Texts by names that the user chooses; they come from the file alone.
  func textMap(_ name: String, _ values: inout [String: String]) {
    if let mapping = mapping(name) {
      values = [:]
      for (key, node) in mapping {
        guard let key = key.scalar?.string, case .scalar(let scalar) = node else {
          walk.report(
            path(name), expected: "a text for each name", came: node.kindName, remedy: "Write 'name: text' for each.")
          continue
        }
        values[key] = walk.expand(scalar.string, at: "\(path(name)).\(key)")
      }
    }
    note(name, .map(values.sorted { $0.key < $1.key }.map { (name: $0.key, text: .value($0.value)) }))
  }

  /// A list of sections, which the environment may lengthen: `APUS_KEYS_0_NAME`.
  func list<Value>(
    _ name: String, _ values: inout [Value], new: Value, visit: (inout Value, SettingsSection) -> Void
  ) {
    let nodes = sequence(name)
    if let nodes { values = nodes.map { _ in new } }
    let before = nodes == nil ? values.count : 0
    while walk.environment.keys.contains(where: { $0.hasPrefix("\(variable(name))_\(values.count)_") }) {
      values.append(new)
    }
    var texts: [SettingsText] = []
    for index in values.indices {
      let place = "\(path(name)).\(index)"
      var content: Node.Mapping?
      if let nodes, index < nodes.count {
        if let line = nodes[index].mark?.line { walk.place(place, at: .file(line: line)) }
        content = mapping(nodes[index], at: place)
      }
      let inner = SettingsSection(
        path: place, variable: "\(variable(name))_\(index)", content: content, isNew: index >= before, walk: walk)
      visit(&values[index], inner)
      inner.finish()
      texts.append(inner.text)
    }
    note(name, .list(texts))
  }

  private func mapping(_ name: String) -> Node.Mapping? {
    child(name).flatMap { mapping($0, at: path(name)) }
  }

  private func mapping(_ node: Node, at path: String) -> Node.Mapping? {
    if case .mapping(let mapping) = node { return mapping }
    guard !node.isNothing else { return nil }
    walk.report(
      path, expected: "a mapping", came: node.kindName, remedy: "Write its settings indented below it: 'name: value'.")
    return nil
  }

  private func sequence(_ name: String) -> [Node]? {
    guard let node = child(name) else { return nil }
    if case .sequence(let sequence) = node { return Array(sequence) }
    walk.report(
      path(name), expected: "a list", came: node.kindName, remedy: "Begin each element with '- ' on a line of its own.")
    return nil
  }
}
