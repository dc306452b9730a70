"""Signed tokens made by hand, honest or not, with keys of OpenSSL's."""

import base64
import hashlib
import hmac
import json
import subprocess
import time

from apus import configuration

ISSUER, AUDIENCE = "https://id.example.com/", "apus"
SECRET = "9b1f4e27c05d83aa6e7f21d94c3b58e0f6a2d7c1b4e8903d5a6f7c2e1b0d4983"
ALGORITHMS = ["RS256", "ES256", "EdDSA"]
KINDS = {
    "RS256": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "ES256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "EdDSA": ["-algorithm", "ED25519"],
}


def encode(data):
    """Base64 as tokens have it; what is not bytes goes as JSON."""
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims(**changes):
    """What an honest token says; a change to None takes a claim out."""
    said = {"sub": "una", "iss": ISSUER, "aud": AUDIENCE, "iat": int(time.time()), "exp": int(time.time()) + 600}
    return {name: value for name, value in (said | changes).items() if value is not None}


def openssl(*words, data=None):
    return subprocess.run(["openssl", *words], input=data, check=True, capture_output=True).stdout


class Hmac:
    """A secret that signer and verifier share."""

    algorithm = "HS256"

    def __init__(self, secret=SECRET, digest=hashlib.sha256):
        self.secret, self.digest = secret, digest

    def sign(self, data):
        return hmac.new(self.secret.encode(), data, self.digest).digest()


class Pair:
    """A private key, and its public half for whoever verifies."""

    def __init__(self, algorithm, folder):
        self.algorithm, self.folder = algorithm, folder
        self.path = folder / f"{algorithm}-{len(list(folder.iterdir()))}.pem"
        openssl("genpkey", *KINDS[algorithm], "-out", self.path)
        self.public = openssl("pkey", "-in", self.path, "-pubout").decode()

    def sign(self, data):
        if self.algorithm == "EdDSA":
            text = self.folder / "signed"
            text.write_bytes(data)
            return openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.path, "-in", text)
        signature = openssl("dgst", "-sha256", "-sign", self.path, data=data)
        return raw(signature) if self.algorithm == "ES256" else signature

    def published(self, name, **members):
        """The public half as a member of a key set."""
        der = openssl("pkey", "-in", self.path, "-pubout", "-outform", "DER")
        if self.algorithm == "RS256":
            modulus = openssl("rsa", "-in", self.path, "-noout", "-modulus").decode().strip().partition("=")[2]
            kind = {"kty": "RSA", "n": encode(bytes.fromhex(modulus)), "e": "AQAB"}
        elif self.algorithm == "ES256":
            kind = {"kty": "EC", "crv": "P-256", "x": encode(der[-64:-32]), "y": encode(der[-32:])}
        else:
            kind = {"kty": "OKP", "crv": "Ed25519", "x": encode(der[-32:])}
        return kind | {"kid": name, "use": "sig", "alg": self.algorithm} | members


def raw(der):
    """An ECDSA signature as tokens have it: two numbers of 32 bytes, out of OpenSSL's SEQUENCE of two INTEGERs."""
    numbers, at = [], 2
    for _ in range(2):
        length = der[at + 1]
        numbers.append(int.from_bytes(der[at + 2 : at + 2 + length], "big").to_bytes(32, "big"))
        at += 2 + length
    return b"".join(numbers)


def token(signer, said=None, **header):
    """A token of this signer; `header` changes or adds members of its header."""
    head = {"alg": signer.algorithm, "typ": "JWT"} | header
    return seal(signer, head, claims() if said is None else said)


def seal(signer, head, said):
    """A token of any header and claims, both as JSON or as bytes."""
    signed = f"{encode(head)}.{encode(said)}"
    return f"{signed}.{encode(signer.sign(signed.encode()))}"


def accepting(upstream, **jwt):
    """A configuration that takes tokens."""
    plans = {"free": {"requests_per_minute": 5}, "small": {"models": ["scripted"]}}
    usual = {"issuer": ISSUER, "audience": AUDIENCE, "leeway": "0s"}
    auth = {"unauthenticated_per_minute": 1_000_000, "jwt": usual | jwt}
    return configuration(upstream) | {"auth": auth, "plans": plans}


def me(apus, bearer):
    answer = apus.ask("GET", "/api/v1/me", key=bearer)
    assert answer.status == 200, answer.body
    return answer.json()
