"""MurmurHash3 (x86, 32 bits, seed 0; Austin Appleby, public domain), the hash of scikit-learn's FeatureHasher."""

import struct

_MASK = 0xFFFFFFFF


def murmur3(data: bytes) -> int:
    """The hash as a signed number, -2**31 to 2**31 - 1."""
    blocks, rest = divmod(len(data), 4)
    state = 0
    for block in struct.unpack_from(f"<{blocks}I", data):
        mixed = block * 0xCC9E2D51 & _MASK
        state ^= (mixed << 15 | mixed >> 17) * 0x1B873593 & _MASK
        state = (state << 13 | state >> 19) & _MASK
        state = state * 5 + 0xE6546B64 & _MASK
    if rest:
        mixed = int.from_bytes(data[-rest:], "little") * 0xCC9E2D51 & _MASK
        state ^= (mixed << 15 | mixed >> 17) * 0x1B873593 & _MASK
    state ^= len(data)
    state = (state ^ state >> 16) * 0x85EBCA6B & _MASK
    state = (state ^ state >> 13) * 0xC2B2AE35 & _MASK
    state ^= state >> 16
    return state - (state >> 31 << 32)
