#!/usr/bin/env python3
"""Writes session-packets.json: sealed session packets under three keys in a row, made with Python's `cryptography` package alone."""
import hashlib
import json
import pathlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

SEALED, KEY_PHASE, OPENED_PHASE = 0x50, 0x01, 0x02


def expand(secret, label):
    return HKDFExpand(algorithm=hashes.SHA256(), length=32, info=label).derive(secret)


secret = hashlib.sha256(b"porthole test traffic secret").digest()
other = hashlib.sha256(b"porthole test traffic secret of the other side").digest()
connection = bytes.fromhex("0123456789abcdef")
result = {"connection": connection.hex(), "sendSecret": secret.hex(), "receiveSecret": other.hex(), "packets": []}
number = 0
for generation in range(3):
    key, secret = expand(secret, b"porthole/1 packet key"), expand(secret, b"porthole/1 next secret")
    for size in (0, 1, 1167):
        payload = bytes((number + i) % 251 for i in range(size))
        flags = (KEY_PHASE if generation % 2 else 0) | (OPENED_PHASE if generation % 2 else 0)
        header = bytes([SEALED | flags]) + connection + number.to_bytes(8, "big")
        packet = header + AESGCM(key).encrypt(bytes(4) + number.to_bytes(8, "big"), payload, header)
        result["packets"].append({"key": generation, "number": number, "payload": payload.hex(), "packet": packet.hex()})
        number += 1
pathlib.Path(__file__).with_name("session-packets.json").write_text(json.dumps(result, indent=2) + "\n")
