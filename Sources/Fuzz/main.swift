// `Fuzz --SUBJECT ARGUMENTS...`: feeds one subject; the arguments are libFuzzer's, which passes over the first.
import CFuzz
import Foundation

guard Subject.chosen != nil else {
  let names = Subject.allCases.map { "--\($0.rawValue)" }.joined(separator: ", ")
  FileHandle.standardError.write(Data("which one? \(names)\n".utf8))
  exit(64)  // EX_USAGE
}
exit(
  apus_fuzz(CommandLine.argc, CommandLine.unsafeArgv) { bytes, count in
    Subject.chosen?.check(UnsafeRawBufferPointer(start: bytes, count: count))
    return 0
  })
