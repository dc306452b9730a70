import Foundation
import Gateway
import Kernel
import Testing

@Suite final class LlamaCommandRulesTests {
  private let data = NSTemporaryDirectory() + "apus-command-\(UUID().uuidString)"
  private var configuration = LlamaConfiguration(chatModel: "smollm2", embeddingModel: "minilm")

  init() throws {
    for folder in ["models", "llama-server", "bin"] {
      try FileManager.default.createDirectory(atPath: "\(data)/\(folder)", withIntermediateDirectories: true)
    }
  }

  deinit {
    try? FileManager.default.removeItem(atPath: data)  // what stays behind fails no test
  }

  private func make(_ file: String, executable: Bool = false) throws {
    try Data("#!".utf8).write(to: URL(fileURLWithPath: "\(data)/\(file)"))
    let mode = executable ? 0o755 : 0o644
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: "\(data)/\(file)")
  }

  private func command(
    _ part: LlamaPart, environment: [String: String] = ["PATH": "/usr/bin:/bin"]
  ) throws(Failure) -> LlamaCommand {
    try LlamaCommand(
      part, of: configuration, dataDirectory: data, socketPath: "/run/x.sock", environment: environment)
  }

  private func problem(_ part: LlamaPart) -> String? {
    do throws(Failure) {
      _ = try command(part)
      return nil
    } catch {
      return error.message
    }
  }

  @Test func `what is missing is named with what helps`() throws {
    #expect(problem(.chat) == "the model file \(data)/models/smollm2.gguf is missing; ./run fetches it")
    try make("models/smollm2.gguf")
    #expect(
      problem(.chat) == "no llama-server on the PATH, and none at \(data)/llama-server/llama-server; ./run fetches it")
    try make("llama-server/llama-server", executable: true)
    #expect(problem(.chat) == nil)
    configuration.chatModel = "/nowhere/model.gguf"
    #expect(problem(.chat)?.contains("name a GGUF file that Apus can read, or smollm2 or minilm") == true)
    configuration.server = "\(data)/models"
    #expect(problem(.embedding)?.contains("minilm.gguf is missing") == true)
    try make("models/minilm.gguf")
    #expect(problem(.embedding) == "the llama.cpp server \(data)/models is missing or not executable; correct `server`")
  }

  @Test func `the configured server is taken before the one on the PATH, and that before the fetched one`() throws {
    try make("models/smollm2.gguf")
    try make("llama-server/llama-server", executable: true)
    let environment = ["PATH": "/bin:\(data)/bin"]
    #expect(try command(.chat, environment: environment).program.path == "\(data)/llama-server/llama-server")
    try make("bin/llama-server", executable: true)
    #expect(try command(.chat, environment: environment).program.path == "\(data)/bin/llama-server")
    configuration.server = "/bin/sh"
    #expect(try command(.chat, environment: environment).program.path == "/bin/sh")
    configuration.server = "sh"
    #expect(try command(.chat, environment: environment).program.path == "/bin/sh")
  }

  @Test func `the server sees none of our secrets`() throws {
    try make("models/smollm2.gguf")
    try make("llama-server/llama-server", executable: true)
    let ours = ["PATH": "/bin", "HOME": "/a", "OPENAI_API_KEY": "sk-1", "LD_LIBRARY_PATH": "/lib/a"]
    let environment = try command(.chat, environment: ours).program.environment
    #expect(environment == ["PATH=/bin", "HOME=/a", "LD_LIBRARY_PATH=/lib/a"])
  }

  @Test func `the arguments say what the configuration says`() throws {
    try make("models/smollm2.gguf")
    try make("models/minilm.gguf")
    try make("llama-server/llama-server", executable: true)
    configuration.threads = 3
    configuration.contextTokens = 4096
    let chat = try command(.chat).program.arguments
    #expect(value(of: "--model", in: chat) == "\(data)/models/smollm2.gguf")
    #expect(value(of: "--alias", in: chat) == "smollm2")
    #expect(value(of: "--host", in: chat) == "/run/x.sock")
    #expect(value(of: "--threads", in: chat) == "3")
    #expect(value(of: "--ctx-size", in: chat) == "4096")
    #expect(!chat.contains("--embedding"))
    let embedding = try command(.embedding).program.arguments
    #expect(value(of: "--alias", in: embedding) == "minilm")
    #expect(value(of: "--pooling", in: embedding) == "mean")
    #expect(embedding.contains("--embedding"))
  }

  private func value(of option: String, in arguments: [String]) -> String? {
    arguments.firstIndex(of: option).map { arguments[$0 + 1] }
  }
}
