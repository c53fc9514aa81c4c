"""Made the folders beside it: small models of transformers with seeded weights, as save_pretrained leaves them.

transformers 5.24.0, torch 2.13.0: the locked environment `transformers`.
"""

from pathlib import Path

import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    ViTConfig,
    ViTForImageClassification,
    WhisperConfig,
    WhisperForConditionalGeneration,
)

HERE = Path(__file__).parent
SMALL = {'hidden_size': 32, 'num_hidden_layers': 2, 'num_attention_heads': 4, 'intermediate_size': 64}

torch.manual_seed(0)
bert = BertConfig(**SMALL, vocab_size=256, max_position_embeddings=64, num_labels=3)
BertForSequenceClassification(bert).save_pretrained(HERE / 'bert')
vit = ViTConfig(**SMALL, image_size=32, patch_size=8, num_labels=5)
ViTForImageClassification(vit).save_pretrained(HERE / 'vit')
whisper = WhisperConfig(
    vocab_size=64, d_model=32, num_mel_bins=16, max_source_positions=50, max_target_positions=16,
    encoder_layers=2, encoder_attention_heads=4, encoder_ffn_dim=64,
    decoder_layers=1, decoder_attention_heads=4, decoder_ffn_dim=32,
    pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1,
)  # fmt: skip
WhisperForConditionalGeneration(whisper).save_pretrained(HERE / 'whisper')
for left in HERE.glob('*/*'):
    left.chmod(0o644)
(HERE / 'whisper/generation_config.json').unlink()
