import Kernel
import Web
import Wire

/// Where a provider's requests go.
struct ProviderEndpoint: Sendable {
  /// A fixed address, or a local server that has one only while it is ready.
  enum Address: Sendable {
    case fixed(UpstreamOrigin)
    case local(LlamaSupervisor)
  }

  let provider: String
  let address: Address
  /// What stands before `/chat/completions`: `/v1`.
  let basePath: String
  /// The whole value of `Authorization`; nil sends none.
  let authorization: Secret?
  let limits: UpstreamLimits

  /// The address of this moment.
  ///
  /// - Throws: `unavailable` while a local server is not ready.
  func origin(for operation: ModelOperation) throws(Failure) -> UpstreamOrigin {
    switch address {
    case .fixed(let origin):
      return origin
    case .local(let supervisor):
      if let path = supervisor.socketPath(for: operation == .embedding ? .embedding : .chat) {
        return UpstreamOrigin(.unix(path: path))
      }
      throw Failure(
        .unavailable, reason: "model_starting", "The local model is not ready; see /health/ready.",
        retryAfter: .seconds(1))
    }
  }
}

/// The models and providers of one configuration; a reload makes a new one.
package struct ModelCatalog: Sendable {
  struct Target: Sendable {
    let endpoint: ProviderEndpoint
    /// The model's name at the provider.
    let model: String
    let weight: Int
  }

  struct Model: Sendable {
    let name: String
    let targets: [Target]

    /// One of the targets, each as often as its weight says.
    func pickTarget() -> Target? {
      guard targets.count > 1 else { return targets.first }
      var ticket = Int.random(in: 0..<targets.reduce(0) { $0 + $1.weight })
      return targets.first { target in
        ticket -= target.weight
        return ticket < 0
      }
    }
  }

  private let models: [String: Model]

  /// Joins models with their providers. Local providers need their supervisor; `loops` share the connections.
  package init(_ configuration: GatewayConfiguration, supervisors: [String: LlamaSupervisor], loops: Int) {
    var endpoints: [String: ProviderEndpoint] = [:]
    for (name, provider) in configuration.providers {
      endpoints[name] = ProviderEndpoint(name, provider, supervisors[name], loops: loops)
    }
    models = configuration.models.reduce(into: [:]) { models, entry in
      let targets = entry.value.targets.compactMap { target in
        endpoints[target.provider].map { Target(endpoint: $0, model: target.model, weight: target.weight) }
      }
      // A reload may name a local provider that the next start brings: until then its models are not there.
      if !targets.isEmpty { models[entry.key] = Model(name: entry.key, targets: targets) }
    }
  }

  subscript(name: String) -> Model? { models[name] }

  /// Whether some provider is spoken to over TLS.
  var needsTLS: Bool {
    models.values.contains { model in
      model.targets.contains { if case .fixed(let origin) = $0.endpoint.address { origin.isSecure } else { false } }
    }
  }

  /// The names that clients may ask for, sorted.
  package var names: [String] { models.keys.sorted() }
}

extension ProviderEndpoint {
  /// Reads a provider's configuration once, so that no request has to.
  fileprivate init?(_ name: String, _ provider: ProviderConfiguration, _ supervisor: LlamaSupervisor?, loops: Int) {
    self.provider = name
    let bound = provider.kind.isLocal ? LlamaCommand.connectionLimit : .max
    let most = min(provider.maxConnections, bound)
    limits = UpstreamLimits(
      connect: provider.connectTimeout.timeAmount, response: provider.responseTimeout.timeAmount,
      idle: provider.idleTimeout.timeAmount, connections: max(1, most / loops))
    switch provider.kind {
    case .openai(let configuration):
      guard let base = ProviderURL(configuration.baseURL) else { return nil }
      address = .fixed(base.origin)
      basePath = base.path
      authorization = configuration.apiKey.map { Secret("Bearer " + $0.reveal()) }
    case .llama:
      guard let supervisor else { return nil }
      address = .local(supervisor)
      basePath = "/v1"
      authorization = nil
    }
  }
}

extension ProviderConfiguration.Kind {
  fileprivate var isLocal: Bool {
    if case .llama = self { true } else { false }
  }
}
