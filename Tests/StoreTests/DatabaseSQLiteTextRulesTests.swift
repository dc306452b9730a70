import Testing

@testable import Store

@Suite("One text for both databases, in SQLite's words")
struct DatabaseSQLiteTextRulesTests {
  @Test(
    "Numbered values are written with a question mark, where they are values",
    arguments: [
      ("SELECT $1", "SELECT ?1"), ("$12,$3", "?12,?3"), ("a = $1 OR b = $1", "a = ?1 OR b = ?1"), ("$", "$"),
      ("$a", "$a"), ("", ""), ("'$1' || $1", "'$1' || ?1"), ("'it''s $1' $2", "'it''s $1' ?2"),
      ("\"$1\" \"a\"\"$1\" $1", "\"$1\" \"a\"\"$1\" ?1"), ("-- $1 '\n$1", "-- $1 '\n?1"), ("-- $1", "-- $1"),
      ("/* $1 ' */ $1", "/* $1 ' */ ?1"), ("/* $1", "/* $1"), ("'$1", "'$1"), ("a - $1 / $2", "a - ?1 / ?2"),
      ("'é' = $1", "'é' = ?1"),
    ])
  func translated(sql: String, expected: String) {
    #expect(SQLiteTexts.translated(sql) == expected)
  }

  @Test("The first texts are kept, the rest are not")
  func bounded() {
    let texts = SQLiteTexts()
    let kept = (0..<300).map { texts.text(for: "SELECT \($0)").isKept }
    #expect(kept == (0..<300).map { $0 < 256 })
    #expect(texts.text(for: "SELECT 7").isKept)
  }
}
