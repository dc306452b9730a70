import Accounts
import Gateway
import Kernel

// The rules that no setting can check alone. What was already reported is passed over.

extension Configuration {
  /// No two keys share a name or a secret.
  func checkKeys(_ walk: SettingsWalk) {
    for (index, key) in accounts.keys.enumerated() {
      for (earlier, other) in accounts.keys[..<index].enumerated() {
        if !key.terms.name.isEmpty, key.terms.name == other.terms.name {
          walk.report(
            "keys.\(index).name", expected: "a name of its own", came: "the name of keys.\(earlier)",
            remedy: "Give each key another name.")
        }
        if !key.key.isEmpty, key.key == other.key {
          walk.report(
            "keys.\(index).key", expected: "a secret of its own", came: "the secret of keys.\(earlier)",
            remedy: "Make another one with: openssl rand -hex 32")
        }
      }
    }
  }

  /// Every plan that a key names is there.
  func checkPlans(_ walk: SettingsWalk) {
    for (index, key) in accounts.keys.enumerated() {
      guard let plan = key.terms.plan, accounts.plans[plan] == nil else { continue }
      walk.report(
        "keys.\(index).plan", expected: "the name of a plan", came: String(reflecting: plan),
        remedy: NearestName.remedy(for: plan, among: Array(accounts.plans.keys), kind: "plan"))
    }
  }

  /// A llama provider runs at least one model.
  func checkProviders(_ walk: SettingsWalk) {
    for (name, provider) in gateway.providers.sorted(by: { $0.key < $1.key }) {
      let path = "providers.\(name)"
      guard case .llama(let llama) = provider.kind, llama.models.isEmpty else { continue }
      guard !walk.isReported("\(path).chat_model"), !walk.isReported("\(path).embedding_model") else { continue }
      walk.report(
        path, expected: "a chat_model or an embedding_model", came: "neither",
        remedy: "Add 'chat_model: smollm2', or the path of a GGUF file.")
    }
  }

  /// Every model has targets, and every target a provider that runs it.
  func checkModels(_ walk: SettingsWalk) {
    for (name, model) in gateway.models.sorted(by: { $0.key < $1.key }) {
      let path = "models.\(name).targets"
      if model.targets.isEmpty, !walk.isReported(path), !walk.isReported("models.\(name)") {
        walk.report(
          path, expected: "at least one target", came: "none",
          remedy: "Add '- { provider: NAME, model: NAME }' below 'targets:'.")
      }
      for (index, target) in model.targets.enumerated() { checkTarget(target, at: "\(path).\(index)", walk) }
    }
  }

  private func checkTarget(_ target: ModelConfiguration.Target, at path: String, _ walk: SettingsWalk) {
    guard !target.provider.isEmpty, !walk.isReported("providers") else { return }
    guard let provider = gateway.providers[target.provider] else {
      walk.report(
        "\(path).provider", expected: "the name of a provider", came: String(reflecting: target.provider),
        remedy: NearestName.remedy(for: target.provider, among: Array(gateway.providers.keys), kind: "provider"))
      return
    }
    guard case .llama(let llama) = provider.kind, !target.model.isEmpty, !llama.models.isEmpty else { return }
    guard !llama.models.contains(target.model) else { return }
    walk.report(
      "\(path).model", expected: "a model that '\(target.provider)' runs", came: String(reflecting: target.model),
      remedy: NearestName.remedy(for: target.model, among: llama.models, kind: "model"))
  }
}

extension LlamaConfiguration {
  fileprivate var models: [String] { [chatModel, embeddingModel].compactMap { $0 } }
}
