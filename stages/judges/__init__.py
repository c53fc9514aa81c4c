"""The table of judges: how answers are judged, beside ``top1`` and ``agreement``. One file each."""

from __future__ import annotations

from typing import Final, cast

from stages import others
from stages.contract.judge import Judge
from stages.judges import auc, cer, f1, mae, map, pearson, psnr, spearman, ssim, top5, wer

OURS: Final[dict[str, Judge]] = {
    judge.METRIC: judge for judge in (top5, f1, auc, map, wer, cer, psnr, ssim, mae, pearson, spearman)
}


def _loaded(offer: others.Offer) -> Judge:
    return cast('Judge', others.load(offer, others.names_of(Judge), 'METRIC'))


JUDGES: Final = others.Table('metrics', OURS, _loaded)
"""By the word that a recipe writes as ``metric``."""
