#!/usr/bin/env python3
"""Writes noise-p256.json: test vectors for Noise_{IK,XX}[psk2]_P256_AESGCM_SHA256.

An implementation of its own, from the Noise specification (revision 34), on Python's `cryptography` package. It shares no code with Porthole and is
written in the specification's order (CipherState, SymmetricState, HandshakeState), so that each can be checked against the text by eye.
The one addition is the P-256 curve: public keys are uncompressed points (65 bytes), the DH output is the X coordinate (32 bytes).

All keys are derived from fixed labels: the output is the same on every run.
"""
import hashlib
import hmac
import json
import pathlib

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVE = ec.SECP256R1()
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
PUBLIC_SIZE = 65
TAG_SIZE = 16

# Noise section 7.5; the psk2 modifier (section 9.4) appends "psk" to the second message.
PATTERNS = {
    "IK": {"premessage": True, "messages": ["e es s ss", "e ee se"]},
    "XX": {"premessage": False, "messages": ["e", "e ee s es", "s se"]},
}


class KeyPair:
    def __init__(self, label):
        number = int.from_bytes(hashlib.sha256(b"porthole test key " + label.encode()).digest(), "big")
        self.scalar = number % (ORDER - 1) + 1
        self.private = ec.derive_private_key(self.scalar, CURVE)
        self.public = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def scalar_hex(self):
        return self.scalar.to_bytes(32, "big").hex()

    def dh(self, public):
        return self.private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, public))


class CipherState:
    def __init__(self, key=None):
        self.k, self.n = key, 0

    def nonce(self):
        return bytes(4) + self.n.to_bytes(8, "big")

    def encrypt_with_ad(self, ad, plaintext):
        if self.k is None:
            return plaintext
        ciphertext = AESGCM(self.k).encrypt(self.nonce(), plaintext, ad)
        self.n += 1
        return ciphertext

    def decrypt_with_ad(self, ad, ciphertext):
        if self.k is None:
            return ciphertext
        plaintext = AESGCM(self.k).decrypt(self.nonce(), ciphertext, ad)
        self.n += 1
        return plaintext

    def rekeyed(self):
        return AESGCM(self.k).encrypt(bytes(4) + b"\xff" * 8, bytes(32), b"")[:32]


def hkdf(chaining_key, material, outputs):
    temp = hmac.new(chaining_key, material, hashlib.sha256).digest()
    result, last = [], b""
    for i in range(1, outputs + 1):
        last = hmac.new(temp, last + bytes([i]), hashlib.sha256).digest()
        result.append(last)
    return result


class SymmetricState:
    def __init__(self, name):
        self.h = name.ljust(32, b"\0") if len(name) <= 32 else hashlib.sha256(name).digest()
        self.ck = self.h
        self.cipher = CipherState()

    def mix_hash(self, data):
        self.h = hashlib.sha256(self.h + data).digest()

    def mix_key(self, material):
        self.ck, key = hkdf(self.ck, material, 2)
        self.cipher = CipherState(key)

    def mix_key_and_hash(self, material):
        self.ck, temp, key = hkdf(self.ck, material, 3)
        self.mix_hash(temp)
        self.cipher = CipherState(key)

    def encrypt_and_hash(self, plaintext):
        ciphertext = self.cipher.encrypt_with_ad(self.h, plaintext)
        self.mix_hash(ciphertext)
        return ciphertext

    def decrypt_and_hash(self, ciphertext):
        plaintext = self.cipher.decrypt_with_ad(self.h, ciphertext)
        self.mix_hash(ciphertext)
        return plaintext

    def split(self):
        return [CipherState(key) for key in hkdf(self.ck, b"", 2)]


class HandshakeState:
    def __init__(self, pattern, psk, initiator, prologue, s, e, rs):
        self.symmetric = SymmetricState(f"Noise_{pattern}{'psk2' if psk else ''}_P256_AESGCM_SHA256".encode())
        self.symmetric.mix_hash(prologue)
        self.psk, self.initiator, self.s, self.e, self.rs, self.re = psk, initiator, s, e, rs, None
        self.messages = [message.split() for message in PATTERNS[pattern]["messages"]]
        if psk:
            self.messages[1].append("psk")
        if PATTERNS[pattern]["premessage"]:
            self.symmetric.mix_hash(rs if initiator else s.public)

    def dh(self, token):
        mine, theirs = (token[0], token[1]) if self.initiator else (token[1], token[0])
        return {"e": self.e, "s": self.s}[mine].dh({"e": self.re, "s": self.rs}[theirs])

    def write(self, payload):
        out = b""
        for token in self.messages.pop(0):
            if token == "e":
                out += self.e.public
                self.symmetric.mix_hash(self.e.public)
                if self.psk:
                    self.symmetric.mix_key(self.e.public)
            elif token == "s":
                out += self.symmetric.encrypt_and_hash(self.s.public)
            elif token == "psk":
                self.symmetric.mix_key_and_hash(self.psk)
            else:
                self.symmetric.mix_key(self.dh(token))
        return out + self.symmetric.encrypt_and_hash(payload)

    def read(self, message):
        for token in self.messages.pop(0):
            if token == "e":
                self.re, message = message[:PUBLIC_SIZE], message[PUBLIC_SIZE:]
                self.symmetric.mix_hash(self.re)
                if self.psk:
                    self.symmetric.mix_key(self.re)
            elif token == "s":
                size = PUBLIC_SIZE + (TAG_SIZE if self.symmetric.cipher.k else 0)
                self.rs, message = self.symmetric.decrypt_and_hash(message[:size]), message[size:]
            elif token == "psk":
                self.symmetric.mix_key_and_hash(self.psk)
            else:
                self.symmetric.mix_key(self.dh(token))
        return self.symmetric.decrypt_and_hash(message)


def vector(pattern, with_psk, payloads):
    label = f"{pattern}{'psk2' if with_psk else ''} {'payloads' if payloads else 'empty'}"
    psk = hashlib.sha256(b"porthole test psk " + label.encode()).digest() if with_psk else b""
    prologue = f"porthole test prologue, {label}".encode()
    static = [KeyPair(f"{label} initiator static"), KeyPair(f"{label} responder static")]
    ephemeral = [KeyPair(f"{label} initiator ephemeral"), KeyPair(f"{label} responder ephemeral")]
    knows = PATTERNS[pattern]["premessage"]
    sides = [
        HandshakeState(pattern, psk, i == 0, prologue, static[i], ephemeral[i], static[1].public if knows and i == 0 else None)
        for i in range(2)
    ]
    messages = []
    for index in range(len(PATTERNS[pattern]["messages"])):
        payload = f"payload of handshake message {index + 1}".encode() if payloads else b""
        message = sides[index % 2].write(payload)
        assert sides[1 - index % 2].read(message) == payload
        messages.append({"payload": payload.hex(), "message": message.hex()})
    assert sides[0].symmetric.h == sides[1].symmetric.h
    assert sides[0].rs == static[1].public and sides[1].rs == static[0].public
    keys, other = sides[0].symmetric.split(), sides[1].symmetric.split()
    assert [c.k for c in keys] == [c.k for c in other]
    split = [cipher.k.hex() for cipher in keys]
    rekeyed = [cipher.rekeyed().hex() for cipher in keys]
    transport = []
    for index in range(6):
        payload = f"transport message {index // 2}, direction {index % 2}".encode() * (index + 1) if index < 4 else b""
        transport.append({"payload": payload.hex(), "message": keys[index % 2].encrypt_with_ad(b"", payload).hex()})
    return {
        "protocol": f"Noise_{pattern}{'psk2' if with_psk else ''}_P256_AESGCM_SHA256",
        "pattern": pattern,
        "prologue": prologue.hex(),
        "psk": psk.hex(),
        "initiatorStatic": static[0].scalar_hex(),
        "initiatorStaticPublic": static[0].public.hex(),
        "initiatorEphemeral": ephemeral[0].scalar_hex(),
        "responderStatic": static[1].scalar_hex(),
        "responderStaticPublic": static[1].public.hex(),
        "responderEphemeral": ephemeral[1].scalar_hex(),
        "handshake": messages,
        "handshakeHash": sides[0].symmetric.h.hex(),
        "initiatorToResponder": split[0],
        "responderToInitiator": split[1],
        "initiatorToResponderRekeyed": rekeyed[0],
        "responderToInitiatorRekeyed": rekeyed[1],
        "transport": transport,
    }


vectors = [vector(pattern, psk, payloads) for pattern in PATTERNS for psk in (False, True) for payloads in (False, True)]
target = pathlib.Path(__file__).with_name("noise-p256.json")
target.write_text(json.dumps(vectors, indent=2) + "\n")
