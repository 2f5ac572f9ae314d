"""Tiny checkpoints with random weights, in the form in which sentence-transformers loads the real ones."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizer,
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPProcessor,
    CLIPTokenizer,
    ViTConfig,
    ViTImageProcessorPil,
    ViTModel,
)

LONGEST_TEXT = 32
VIT_B_32 = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "image_size": 224,
    "patch_size": 32,
}
"""The vision side of CLIP's ViT-B/32, whose embeddings have 512 dimensions."""

_LAYERS = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}


def save_clip(
    folder: Path, *, seed: int = 0, vision: Mapping[str, int] | None = None, dimension: int = 16
) -> Path:
    """A CLIP of so many dimensions, for pictures of 32 × 32 unless ``vision`` has another size, whose tokenizer
    knows single characters.
    """
    vision = {**_LAYERS, "image_size": 32, "patch_size": 8} if vision is None else vision
    side = vision["image_size"]
    folder.mkdir()
    characters = [chr(code) for code in range(33, 127)]
    tokens = ["<|startoftext|>", "<|endoftext|>", *characters, *(f"{character}</w>" for character in characters)]
    vocabulary, merges = folder / "vocab.json", folder / "merges.txt"
    vocabulary.write_text(json.dumps({token: index for index, token in enumerate(tokens)}))
    merges.write_text("#version: 0.2\n")
    config = CLIPConfig(
        text_config={
            **_LAYERS,
            "vocab_size": len(tokens),
            "max_position_embeddings": LONGEST_TEXT,
            "bos_token_id": 0,
            "eos_token_id": 1,
            "pad_token_id": 1,
        },
        vision_config=dict(vision),
        projection_dim=dimension,
    )
    torch.manual_seed(seed)
    CLIPModel(config).save_pretrained(folder)
    processor = CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
    CLIPProcessor(processor, CLIPTokenizer(str(vocabulary), str(merges))).save_pretrained(folder)
    return folder


def save_vision_only(folder: Path) -> Path:
    """A vision transformer without a text side."""
    ViTModel(ViTConfig(**_LAYERS, image_size=32, patch_size=8)).save_pretrained(folder)
    ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


def save_text_only(folder: Path) -> Path:
    """A BERT, which knows nothing of pictures."""
    folder.mkdir()
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "cat"]))
    BertModel(BertConfig(**_LAYERS, vocab_size=6)).save_pretrained(folder)
    BertTokenizer(str(vocabulary)).save_pretrained(folder)
    return folder
