import Accounts
import Gateway
import Kernel
import Store
import Web

/// All that Apus is told before it starts: the shape of `apus.yaml`.
///
/// A fresh value holds the built-in defaults: one `llama` provider, `local`, with a small chat model and an embedding
/// model, both served under their own names.
struct Configuration: Sendable, Equatable {
  /// The folder for models, the llama.cpp server and the first admin key. Relative paths, here and everywhere else in
  /// the configuration, start at the working folder. Defaults to `.apus`.
  var dataDirectory = ".apus"
  /// How the server listens and what it accepts.
  var server = ServerConfiguration()
  /// Where all is kept that must survive a restart: `sqlite:PATH` or `postgres://…`, which may hold a password.
  /// Defaults to `sqlite:apus.db` in `data_dir`.
  var databaseURL: Secret?
  /// How the database is used; its location follows from `databaseURL`.
  var database = DatabaseConfiguration(.sqlite(path: ".apus/apus.db"))
  /// Where replicas keep what they share: `memory:` (nothing is shared) or `redis://…`, which may hold a password.
  /// Defaults to `memory:`.
  var sharedURL: Secret?
  /// How the shared memory is used; its location follows from `sharedURL`.
  var shared = SharedMemoryConfiguration()
  /// Who may, and how often.
  var accounts = AccountsConfiguration()
  /// The providers, and the models they serve. Whoever names providers names the models too.
  var gateway = Configuration.builtInGateway

  private static var builtInGateway: GatewayConfiguration {
    var gateway = GatewayConfiguration()
    let llama = LlamaConfiguration(chatModel: "smollm2", embeddingModel: "minilm")
    gateway.providers["local"] = ProviderConfiguration(kind: .llama(llama))
    for model in ["smollm2", "minilm"] {
      gateway.models[model] = ModelConfiguration(targets: [.init(provider: "local", model: model)])
    }
    return gateway
  }
}

/// A configuration without mistakes, and what should still be said about it.
struct LoadedConfiguration: Sendable {
  var configuration: Configuration
  /// The file it was read from; none when there is no file and the built-in defaults stand.
  var file: String?
  /// Sentences for the log: what was set without effect.
  var warnings: [String]
}

extension Configuration {
  /// The whole configuration in the shape of `apus.yaml`, with every setting and its value, secrets masked.
  ///
  /// Reading it back gives the same configuration once the masked secrets are filled in; the mask itself is refused.
  func describe() -> String {
    let root = walked().root
    return root.text.lines.joined(separator: "\n") + "\n"
  }

  /// The paths of the settings that differ from `old` and take effect at a restart only.
  ///
  /// A provider that came, went or changed its kind is named by its own path.
  func changesNeedingRestart(from old: Configuration) -> [String] {
    let (before, after) = (old.walked().walk.restartValues, walked().walk.restartValues)
    let changed = Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }
    let named = changed.map { path in
      before[path] != nil && after[path] != nil ? path : String(path[..<(path.lastIndex(of: ".") ?? path.endIndex)])
    }
    return Set(named).sorted()
  }

  /// A walk over the settings that reads nothing and leaves every value as it is.
  private func walked() -> (walk: SettingsWalk, root: SettingsSection) {
    var copy = self
    let walk = SettingsWalk(environment: [:])
    let root = SettingsSection(root: nil, of: walk)
    copy.visit(root)
    return (walk, root)
  }
}
