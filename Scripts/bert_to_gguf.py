"""Turns a sentence-transformers BERT folder into the GGUF file that llama.cpp loads.

Usage: bert_to_gguf.py FOLDER OUTPUT

Reads config.json, vocab.txt and model.safetensors. Weights keep their bits: both formats hold them row by row in
little-endian order, so only names and headers change, and Python's own library is enough.
GGUF: docs/gguf.md of ggml; safetensors: a length, a JSON header, the bytes.
"""

import json
import re
import struct
import sys
from pathlib import Path

ALIGNMENT = 32  # bytes; the format's default, so no key needs to say it
GGUF_VERSION = 3
FLOAT32 = 0  # the tensor type
MEAN_POOLING = 1
NORMAL, CONTROL = 1, 3  # token types

NAMES = {
    "embeddings.word_embeddings": "token_embd",
    "embeddings.token_type_embeddings": "token_types",
    "embeddings.position_embeddings": "position_embd",
    "embeddings.LayerNorm": "token_embd_norm",
}
LAYER = re.compile(r"encoder\.layer\.(\d+)\.(.+)")
LAYER_NAMES = {
    "attention.self.query": "attn_q",
    "attention.self.key": "attn_k",
    "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output",
    "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up",
    "output.dense": "ffn_down",
    "output.LayerNorm": "layer_output_norm",
}


def gguf_name(name):
    """llama.cpp's name for a tensor, or None for what an embedding does not need (the pooler, position numbers)."""
    module, _, kind = name.rpartition(".")
    if layer := LAYER.fullmatch(module):
        return f"blk.{layer[1]}.{LAYER_NAMES[layer[2]]}.{kind}"
    return f"{NAMES[module]}.{kind}" if module in NAMES else None


def vocabulary(folder):
    """Tokens as llama.cpp's WordPiece wants them: a word's start is marked with U+2581, its rest loses the ##."""
    for token in (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")[:-1]:
        if re.fullmatch(r"\[.+\]", token):
            yield token, CONTROL
        else:
            yield token[2:] if token.startswith("##") else "\u2581" + token, NORMAL


def metadata(folder):
    config = json.loads((folder / "config.json").read_text())
    tokens, kinds = zip(*vocabulary(folder))
    return {
        "general.architecture": "bert",
        "general.name": folder.name,
        "general.file_type": FLOAT32,
        "bert.block_count": config["num_hidden_layers"],
        "bert.context_length": config["max_position_embeddings"],
        "bert.embedding_length": config["hidden_size"],
        "bert.feed_forward_length": config["intermediate_size"],
        "bert.attention.head_count": config["num_attention_heads"],
        "bert.attention.layer_norm_epsilon": float(config["layer_norm_eps"]),
        "bert.attention.causal": False,
        "bert.pooling_type": MEAN_POOLING,
        "tokenizer.ggml.model": "bert",
        "tokenizer.ggml.token_type_count": config["type_vocab_size"],
        "tokenizer.ggml.tokens": list(tokens),
        "tokenizer.ggml.token_type": list(kinds),
        "tokenizer.ggml.bos_token_id": tokens.index("[CLS]"),
        "tokenizer.ggml.eos_token_id": tokens.index("[SEP]"),
        "tokenizer.ggml.seperator_token_id": tokens.index("[SEP]"),  # llama.cpp's own spelling
        "tokenizer.ggml.unknown_token_id": tokens.index("[UNK]"),
        "tokenizer.ggml.padding_token_id": tokens.index("[PAD]"),
        "tokenizer.ggml.mask_token_id": tokens.index("[MASK]"),
    }


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def typed(value):
    """A metadata value behind the number of its type."""
    match value:
        case bool():
            return struct.pack("<I?", 7, value)
        case int():
            return struct.pack("<II", 4, value)
        case float():
            return struct.pack("<If", 6, value)
        case str():
            return struct.pack("<I", 8) + text(value)
        case [str(), *_]:
            return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(text, value))
        case [int(), *_]:
            return struct.pack(f"<IIQ{len(value)}i", 9, 5, len(value), *value)
    raise TypeError(f"no GGUF type for {value!r}")


def tensors(path):
    """Name, shape and bytes of every tensor that llama.cpp wants."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        for name, tensor in header.items():
            if (renamed := gguf_name(name)) is None:
                continue
            if tensor["dtype"] != "F32":
                raise TypeError(f"{name} is {tensor['dtype']}, not F32")
            begin, end = tensor["data_offsets"]
            file.seek(8 + length + begin)
            yield renamed, tensor["shape"], file.read(end - begin)


def padded(data):
    return data + bytes(-len(data) % ALIGNMENT)


def convert(folder, output):
    keys, weights = metadata(folder), list(tensors(folder / "model.safetensors"))
    head = struct.pack("<4sIQQ", b"GGUF", GGUF_VERSION, len(weights), len(keys))
    head += b"".join(text(key) + typed(value) for key, value in keys.items())
    offset = 0
    for name, shape, data in weights:
        # GGUF counts dimensions from the fastest-moving one.
        head += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *reversed(shape), FLOAT32, offset)
        offset += len(padded(data))
    with output.open("wb") as file:
        file.write(padded(head))
        for _, _, data in weights:
            file.write(padded(data))


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
