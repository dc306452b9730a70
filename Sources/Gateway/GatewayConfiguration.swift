package import Kernel

/// The providers and the models that the gateway serves; the sections `providers` and `models` of `apus.yaml`.
package struct GatewayConfiguration: Sendable, Equatable {
  /// By the name that `models` points to.
  package var providers: [String: ProviderConfiguration] = [:]
  /// By the name that clients ask for.
  package var models: [String: ModelConfiguration] = [:]

  /// Nothing to serve.
  package init() {}
}

/// One provider: somewhere that models run.
package struct ProviderConfiguration: Sendable, Equatable {
  /// What speaks at the other end.
  package enum Kind: Sendable, Equatable {
    case openai(OpenAIConfiguration)
    case llama(LlamaConfiguration)
  }

  /// What speaks at the other end, and how to reach it.
  package var kind: Kind
  /// How long connecting may take, TLS included. Defaults to 1s.
  package var connectTimeout = Duration.seconds(1)
  /// How long the head of an answer may take; a plain answer comes when the model is done. Defaults to 10m.
  package var responseTimeout = Duration.seconds(600)
  /// How long an answer that has begun may be silent. Defaults to 2m.
  package var idleTimeout = Duration.seconds(120)
  /// Open connections to this provider at once, for the whole process. Defaults to 4096.
  package var maxConnections = 4096

  /// A provider of `kind` with the default limits.
  package init(kind: Kind) {
    self.kind = kind
  }
}

/// A provider that speaks OpenAI's API: OpenAI, Groq, Ollama, vLLM, llama.cpp, Cloudflare Workers AI.
package struct OpenAIConfiguration: Sendable, Equatable {
  /// `http://` or `https://`, with the path up to `/chat/completions`. Defaults to `https://api.openai.com/v1`.
  package var baseURL: String
  /// Sent as `Authorization: Bearer`; none sends no such header.
  package var apiKey: Secret?

  /// Makes one for `baseURL`.
  package init(baseURL: String, apiKey: Secret?) {
    self.baseURL = baseURL
    self.apiKey = apiKey
  }
}

/// Models that run on this machine, in llama.cpp servers that Apus starts, watches and stops.
package struct LlamaConfiguration: Sendable, Equatable {
  /// The chat model: the name of one that `./run` fetches (`smollm2`), or the path of a GGUF file.
  package var chatModel: String?
  /// The sentence-embedding model: `minilm`, or the path of a GGUF file.
  package var embeddingModel: String?
  /// The llama.cpp server to start. Defaults to `llama-server` on the PATH, else the one under `data_dir`.
  package var server: String?
  /// Threads for each server. Defaults to the number of cores, at most 8.
  package var threads: Int?
  /// The chat model's context in tokens, shared by the requests it answers at once. Defaults to 8192.
  package var contextTokens = 8192

  /// Makes one for the given models.
  package init(chatModel: String?, embeddingModel: String?) {
    self.chatModel = chatModel
    self.embeddingModel = embeddingModel
  }
}

/// A name that clients ask for, and where its requests go.
package struct ModelConfiguration: Sendable, Equatable {
  /// One place that can answer.
  package struct Target: Sendable, Equatable {
    /// The name of a provider.
    package var provider: String
    /// The model's name at that provider.
    package var model: String
    /// This target's share of the requests, relative to the other targets. Defaults to 1.
    package var weight: Int

    /// Makes a target.
    package init(provider: String, model: String, weight: Int = 1) {
      self.provider = provider
      self.model = model
      self.weight = weight
    }
  }

  /// At least one.
  package var targets: [Target]

  /// Makes a model.
  package init(targets: [Target]) {
    self.targets = targets
  }
}
