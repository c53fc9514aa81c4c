"""What a model of transformers is loaded for: the class that loads it, and what it returns then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Task:
    """One task."""

    loader: str
    """Of transformers: the class that finds a model's own for this task."""

    mapping: str
    """Of ``transformers.models.auto.modeling_auto``: the classes for it, by the word of a model's configuration."""

    outputs: tuple[str, ...]
    """Fields of what the model returns."""

    unused: tuple[str, ...] = ()
    """What weights may begin with that are missing in a file, as none of the outputs needs them."""


TASKS: Final[Mapping[str, Task]] = {
    'feature-extraction': Task(
        'AutoModel', 'MODEL_MAPPING_NAMES', ('last_hidden_state',), ('pooler.', 'masked_spec_embed')
    ),
    'fill-mask': Task('AutoModelForMaskedLM', 'MODEL_FOR_MASKED_LM_MAPPING_NAMES', ('logits',)),
    'text-classification': Task(
        'AutoModelForSequenceClassification', 'MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES', ('logits',)
    ),
    'token-classification': Task(
        'AutoModelForTokenClassification', 'MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES', ('logits',)
    ),
    'question-answering': Task(
        'AutoModelForQuestionAnswering', 'MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES', ('start_logits', 'end_logits')
    ),
    'image-classification': Task(
        'AutoModelForImageClassification', 'MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES', ('logits',)
    ),
    'semantic-segmentation': Task(
        'AutoModelForSemanticSegmentation', 'MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING_NAMES', ('logits',)
    ),
    'audio-classification': Task(
        'AutoModelForAudioClassification', 'MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES', ('logits',)
    ),
    'automatic-speech-recognition': Task(
        'AutoModelForCTC', 'MODEL_FOR_CTC_MAPPING_NAMES', ('logits',), ('masked_spec_embed',)
    ),
    'speech-encoder': Task(
        'AutoModelForSpeechSeq2Seq', 'MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES', ('last_hidden_state',)
    ),
}  # fmt: skip
"""By the words of Hugging Face, and one of ours: the encoder of a model that writes its text token by token."""

ENCODERS: Final = ('speech-encoder',)
"""Tasks that keep a model's encoder alone."""
