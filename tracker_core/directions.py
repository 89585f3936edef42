"""Whether a series is better when it is lower or higher, told by its name.

Nobody records this, so it follows from the words of a name: ``val/acc`` has the word
``acc``, ``top5Error`` the word ``error``. The last word that is in one of the two lists
decides, first in the last part of the name (``loss`` of ``train/loss``), then in those
before it. A name without any such word has no direction.
"""

import re
from typing import Final, Literal, TypeAlias

__all__ = ["HIGHER_IS_BETTER", "LOWER_IS_BETTER", "Direction", "direction_of"]

Direction: TypeAlias = Literal["lower", "higher"]
"""What is better."""

LOWER_IS_BETTER: Final = frozenset(
    {
        *("bce", "bpb", "bpc", "brier", "cer", "cost", "crossentropy", "distance"),
        *("divergence", "duration", "ece", "eer", "elapsed", "err", "error", "errors"),
        *("failures", "fid", "kl", "latency", "logloss", "loss", "losses", "mae"),
        *("mape", "mse", "nll", "perplexity", "ppl", "regret", "rmse", "seconds"),
        *("smape", "wer"),
    }
)
"""The words of what is better when it is lower."""

HIGHER_IS_BETTER: Final = frozenset(
    {
        *("acc", "accuracy", "ap", "auc", "aupr", "auprc", "auroc", "bleu", "dice"),
        *("elo", "em", "f1", "fps", "iou", "kappa", "map", "mcc", "miou", "mrr"),
        *("ndcg", "precision", "psnr", "r2", "recall", "return", "returns", "reward"),
        *("rewards", "rouge", "score", "sensitivity", "specificity", "ssim"),
        *("success", "throughput", "top1", "top5", "wins"),
    }
)
"""The words of what is better when it is higher."""

_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+(?![a-z])")


def direction_of(series: str) -> Direction | None:
    """Return what is better of a series, or None where its name does not tell.

    Args:
        series: Its name, ``train/loss``.
    """
    for part in reversed(series.split("/")):
        for word in reversed(_WORD.findall(part)):
            if word.lower() in LOWER_IS_BETTER:
                return "lower"
            if word.lower() in HIGHER_IS_BETTER:
                return "higher"
    return None
