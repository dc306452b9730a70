/// Keys that take too long to make in every test, as the inside of their PEM. They open nothing.
enum JWTFixedKeys {
  /// RSA, 2048 bits, PKCS #8.
  static let rsa = """
    MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCVOOLXhwxpMoAS
    nl2NRDuKDHDSPUWyE127YIKKhjhUOWgwvitjQBn/2Vwn8CP+bMOdLRzDDJHVL2Cu
    Oba+biLlVaJ650oPEa9RvVsKi0L3BNgl8eDzIWeI0XjCrDM5LqNdtZqzjEqhBK3h
    alFVTB2kpLDKbsZwzFVWe4ttRDFNSNDZIdSb2XewVDaDRMIoyRO+qWdnbuIhL6Xk
    nTd9v4AUvAW/oEjXyrjmVz0YBOtCEY+CS5rgSSmuaUcqZzwcM1dKxW9PfWMxQxs8
    +iyYUPv/icHI1wMmOudCk5xjHsPLz0X4/9Jn9PHKXjwxzzK3JlwpnnH4et3o1hfG
    7atVORsBAgMBAAECggEAFpA/z2KD9ZLa8Msczuk8A4IhZnjjWquOUcX5wePNDVc8
    3O9JyjvSx/AK/PL/zk84k5dTBl9BMeDJwq5xZoFq1Lif1UEMiWjIKhjyyjkH4Cgj
    CDch0kGr0RwIzDmTk+2XFZVfQLpRkoq4QXcnuI5w27Nsvr9Z/DZkH6vrXOihzSie
    uf5s1jJU3cMrSx7y4drRN8C2qVt1LGeOAhs1dQXH+u1p2shBqMj0VH35kVDN3D6E
    RXb5fPgRrkTYtCwCcoBPNOs147dW47lvKB8HSzAeESFYA3IKeGjLFfD8jp4iX83o
    5t1JwF41xt4pCHv1umLk4ASvyzbWlk+r+YPftiYK7QKBgQDHtsXXKRb3nrhwOz9G
    bFxOQpvgG924yo55zBCznsFX7k0SLS4Ar6lP+mOxE1gMb3ig+Fo3T80KB7IfkMng
    sH1YXOniwRQRaMxNXidG5UNiqg47dqfBT1wGoxEnr6ZiI9P9O/Qnq9KRxn+CHjD9
    EsyaFLK/+1p9mvFzat9oQL78hwKBgQC/Ryr/RDHxmp5+hHKwgpMUlr2QRCHvZdFo
    4cbMQArmtpCVYOmRpJsJ+PjbxFcxngizDb86+Rh3sydMSqQQ/7U6deTYbBKtCsUb
    sSVJTqmkokh5aOhu0iCwJAY12aAfO0jgv28/S1Ir8RChgEX3RXUMcxpsj1O0Hv2D
    HaejMCjWNwKBgQCYJd5DNMKSkxDgL8Lc2+DWnlgyPAiGp4ozsAtpTCDv5FRC7LiH
    PUw36gHY/WuuzZ2QxKO2T81dPs+szJl/2/UiRGbKoV2wha5fosM5d6AGopeFJbhX
    xSXOyJxhJ6gSTElMO0iekIAzHo41itq3coL9P5eOOueNmWUpENpyiiD2MQKBgF/2
    JWUhYmkSqDdS3XMeXwmyQnIRLHE9RJz4wFKSQqXSq6C1mRh/W2Taaode7luvLDAg
    UnMUqyjKUYnd3IfGsbYdlWzac1grEg49hjZL56H35KI8dne6pbmYqSD1CHcCuCJB
    CF/ZuuTesPhFMVTHnNxdFsGl+llgPtE73HFrZOFrAoGAIMHXQlJKPv0loCHrz2Sp
    F6eF1hynKTpbiBdL/370mn4N2CjM6ybbNpajDTu0agD5Fg9G5xBZMIU0AJKtV9Mz
    fzMFu1vXl0tt35hmNz5tl6q9DMV5YYEWtBLTIB5kYqL7zZ6k4lbTpQ2genFHqI5L
    CjZokuNtybZ2+dvX1aFTVX8=
    """

  /// Another one.
  static let otherRSA = """
    MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQDZIsrWChI74hcw
    WkiGJ4O719pOHvfoNUJ9CbhB35V3AuVZlrqUYAtvZXPVTkWIyoQjkLyin+aGCgVf
    vbXNBWfak8KmytGIHm80avkzuwcKddROY/cFTWUB5zHHjfywmgquv/evfau3jCLO
    DQhH6dbxaZM0jxdGN7lGdyqROKo3ZTtRDXPnpQn2zE5Bv4zZ/v626NuWEvFX6BDS
    lKtaOH+kS7X0ZQDOjKV939YA/WraYAdKZuMihmASpal8DTkN1ce0kVXsG48j/6Dv
    de2lJD6Bsu8IWNfbrffd0x6ncoZZ9I7RaLCkYHWeoNn9oipz04ctBvzlxKakord0
    FAjc3qkxAgMBAAECggEAIeTScLLFwd8662tMYtSMNaguBX/EBtU5ebcose+qrxce
    oetrWHndjxfxCtza8c1a7wpKx7/aBhZOXHGKjWRIn8/s1IhYSL0ncrE4ESEiqjlW
    WJ42EvfPyopCNPou9Yo2HK0OhrBBO7d+P1e9cSxJRwnJ1qx3X5iXLS6w0FZeC6NS
    B46ZsO3EeohDOkFxPKXsi1OMFoans5Hq27JkEKNdlFYBLy5XCgik2RWDAV4pIlF7
    sS2FJoZHLC+3qKna6fbi23G/XK7RuhOtSxzOO0vrg6Je1nkYxK/Rkpwwokblvuxc
    rS36wJMPhX/SatFrHfdc3JvUfrhTJ0l+t6pRspocGQKBgQDzvHVeMc+0ZSXksal2
    wmQMayxep7iaZxBZdq14qe3Y/r5tPni/DKNSfYv5scUEAOUS6IJWQoSA1L2uAB4Q
    02H9UIsUFlknGIm6g9Og70JAxZOG1Ml20mALNQ7xu/ZqH0tFOHeMrBt4iOSIAcY3
    YbEMYZkpGGALxzaaWLVBnd3y3wKBgQDkD7LUaIV4mHz6V1037EivsxW9ZGZLrJXk
    KZKfEZnSpamS2nhwMYdBpCDomXazNk417gyhmBn0AB+j/Tj9ZBkU2uzpibsJ+wJn
    LSumchAQ3VuncSwAP0rdbwQOh0x2kmTuRQsq6ajvDqUmUz+mAs7G+EFoCIe+DxrI
    vtqde3d17wKBgH5oPiKlCMjRMI7kCTSbapH6P1+z8oy5aQRNBXiwALfqnk4/+RV0
    c3vDuwW7yabi4+sjhP1BsEC0lM8aJn2pc4eR7x9y27foBP4jgm1TyPOYxINH9lhW
    kRMe6Go8hnbRVhNHTtE5LWIc9REIgomUc+Ms9ucWSjGxlsMDwLWQL1zXAoGBAJsQ
    UXc62gV1KQTOAgPUFFfiXBW5/hPV9NR9r8OYJA6ltPa0tM8T3fMztWxxa9POSL9C
    bDQzRvIwY1MNCYLAXI1hjVP84b+Xe7rLa7JwO5w75eWjfVdtsWl94jQ+qi60uwuG
    xmEXHlXsjz3PvKcToaSHh3FE24bOnld/7QTGviLhAoGBAOcH086IRQJIVb7CoofZ
    OOrGRmGGF32GMk0V5GhdLjhODyxiHv5sd/kuj70rUiKdUXSzoGY/NsDXxIQuekEL
    fzPNmVt6sjLJ9K345EQJD3JNNi66j3HUirk1+Y/8WX5dQ8DyhKJz16repoIxq8FB
    hzjrSicU2FTMPdzrJJr/Ji0O
    """

  /// The public half of an RSA key of 1024 bits.
  static let smallRSA = """
    MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDTyzSg8lkzFPz0PQ0EdewGS9ax
    pbIkikU6EhvKj5Wa49Y/HVszvEJRosFoXReVg2SjpXL52mqj/2TzXhPN7Q4U1TuQ
    wPixX0Fk+jUUZR8UJG3y9wUd437qIpLfcJyvlqigerZANYHKefeYvwRLtIy4Yzpq
    xWHABiWEBP6Bw9eT6QIDAQAB
    """

  /// A public key on P-384.
  static let p384 = """
    MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE8b6p7MO2Fg29d5yR6VDtqmyCNSNEXGdB
    4LZR7OO5wiXjmPgXnqrKXqJaeRQX2/xIBkOrkklI+o2FAkpsHEicvPTH0FdVy+Up
    KUZaqicnTVWgzMLtKO6FmRXeLgBJOWx+
    """

  /// The PEM of a label and its inside.
  static func pem(_ label: String, _ inside: String) -> String {
    "-----BEGIN \(label)-----\n\(inside)\n-----END \(label)-----"
  }
}
