"""Writes tiny language models in the format GGUF: to llama.cpp real ones, with random weights, so they say nonsense.

Version 1 and 2 say letters. Version 3 says bytes that are no UTF-8, and llama-server answers that with HTTP 500.
"""

import sys
from pathlib import Path

import numpy as np
from gguf import GGUFWriter, TokenType

VERSIONS = {"1": b"", "2": b"", "3": bytes(range(0x80, 0xC0))}
"""Version → bytes that it says beside letters."""
WIDTH, INNER, HEADS, LAYERS, CONTEXT = 64, 128, 4, 2, 4096


def main(folder: Path) -> None:
    for version, said in VERSIONS.items():
        (folder / version).mkdir(parents=True)
        write(folder / version / "model.gguf", int(version), said)


def write(file: Path, seed: int, said: bytes) -> None:
    tokens = ["<unk>", "<s>", "</s>", "\u2581", *map(chr, range(ord("a"), ord("z") + 1))]
    kinds = [TokenType.UNKNOWN, TokenType.CONTROL, TokenType.CONTROL, *[TokenType.NORMAL] * 27]
    for byte in (*range(0x20, 0x7F), *said):
        tokens.append(f"<0x{byte:02X}>")
        kinds.append(TokenType.BYTE)
    model = GGUFWriter(file, "llama")
    model.add_block_count(LAYERS)
    model.add_context_length(CONTEXT)
    model.add_embedding_length(WIDTH)
    model.add_feed_forward_length(INNER)
    model.add_head_count(HEADS)
    model.add_layer_norm_rms_eps(1e-5)
    model.add_rope_dimension_count(WIDTH // HEADS)
    model.add_tokenizer_model("llama")
    model.add_token_list(tokens)
    model.add_token_scores([0.0] * len(tokens))
    model.add_token_types(kinds)
    model.add_unk_token_id(0)
    model.add_bos_token_id(1)
    model.add_eos_token_id(2)
    for name, shape in shapes(len(tokens)).items():
        weights = np.random.default_rng([seed, *name.encode()]).standard_normal(shape) * 0.1
        model.add_tensor(name, (weights if len(shape) > 1 else np.ones(shape)).astype(np.float32))
    model.write_header_to_file()
    model.write_kv_data_to_file()
    model.write_tensors_to_file()
    model.close()


def shapes(tokens: int) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (tokens, WIDTH),
        "output_norm.weight": (WIDTH,),
        "output.weight": (tokens, WIDTH),
    }
    for layer in range(LAYERS):
        within = {"attn_norm": (WIDTH,), "ffn_norm": (WIDTH,), "ffn_down": (WIDTH, INNER)}
        within |= dict.fromkeys(("attn_q", "attn_k", "attn_v", "attn_output"), (WIDTH, WIDTH))
        within |= dict.fromkeys(("ffn_gate", "ffn_up"), (INNER, WIDTH))
        found |= {f"blk.{layer}.{name}.weight": shape for name, shape in within.items()}
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]))
