"""Train a classifier on Fisher's iris measurements, and track how it went.

Softmax regression by gradient descent, with the standard library alone. Under
``tracker run -- python train.py`` every record goes to each configured backend;
``python train.py`` trains just the same and stores nothing.
"""

import argparse
import csv
import json
import math
import platform
import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tracker_core import AppRun

HERE = Path(__file__).parent


class Flower(NamedTuple):
    """Four measurements in centimetres, and the number of the species."""

    features: tuple[float, ...]
    species: int


class Data(NamedTuple):
    """Flowers to learn from and flowers to judge by."""

    train: list[Flower]
    test: list[Flower]
    features: list[str]
    species: list[str]


class Model(NamedTuple):
    """One row of weights for each species, the last of which is the bias."""

    weights: list[list[float]]

    def probabilities(self, features: Sequence[float]) -> list[float]:
        """Say how likely each species is."""
        inputs = (*features, 1.0)
        scores = [
            math.fsum(w * x for w, x in zip(row, inputs, strict=True))
            for row in self.weights
        ]
        largest = max(scores)
        powers = [math.exp(score - largest) for score in scores]
        total = sum(powers)
        return [power / total for power in powers]

    def predict(self, features: Sequence[float]) -> int:
        """Name the likeliest species by its number."""
        chances = self.probabilities(features)
        return chances.index(max(chances))


def arguments() -> argparse.Namespace:
    """Read the settings of the training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default=str(HERE / "iris.csv"))
    parser.add_argument("--output", default="weights.json")
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--weight-decay", type=float, default=1e-3)
    parser.add_argument("--test-share", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


def load(path: str, test_share: float, seed: int) -> Data:
    """Read the flowers, and set the same share of each species aside for the test."""
    with Path(path).open(newline="") as file:
        header, *rows = csv.reader(file)
    species = sorted({row[-1] for row in rows})
    flowers = [
        Flower(tuple(map(float, row[:-1])), species.index(row[-1])) for row in rows
    ]
    chance = random.Random(seed)  # noqa: S311 - a shuffle that repeats, not a secret
    data = Data([], [], header[:-1], species)
    for number in range(len(species)):
        same = [flower for flower in flowers if flower.species == number]
        chance.shuffle(same)
        cut = round(len(same) * test_share)
        data.test.extend(same[:cut])
        data.train.extend(same[cut:])
    return data


def descend(
    model: Model, flowers: Sequence[Flower], learning_rate: float, weight_decay: float
) -> Model:
    """Take one step down the gradient of the mean loss over all flowers."""
    slopes = [[weight_decay * weight for weight in row] for row in model.weights]
    for flower in flowers:
        for number, chance in enumerate(model.probabilities(flower.features)):
            error = (chance - (number == flower.species)) / len(flowers)
            for place, value in enumerate((*flower.features, 1.0)):
                slopes[number][place] += error * value
    return Model(
        [
            [
                weight - learning_rate * slope
                for weight, slope in zip(row, row_slopes, strict=True)
            ]
            for row, row_slopes in zip(model.weights, slopes, strict=True)
        ]
    )


def judge(model: Model, flowers: Sequence[Flower]) -> dict[str, float]:
    """Measure the mean loss and the share of flowers that are named rightly."""
    losses = (
        -math.log(model.probabilities(flower.features)[flower.species])
        for flower in flowers
    )
    right = sum(model.predict(flower.features) == flower.species for flower in flowers)
    return {
        "loss": math.fsum(losses) / len(flowers),
        "accuracy": right / len(flowers),
    }


def confusion(model: Model, flowers: Sequence[Flower], species: int) -> list[list[int]]:
    """Count flowers by true species (rows) and predicted species (columns)."""
    counts = [[0] * species for _ in range(species)]
    for flower in flowers:
        counts[flower.species][model.predict(flower.features)] += 1
    return counts


def train(run: AppRun, data: Data, settings: argparse.Namespace) -> Model:
    """Fit the model, and log both parts' loss and accuracy at every epoch."""
    model = Model([[0.0] * (len(data.features) + 1) for _ in data.species])
    for epoch in range(settings.epochs):
        model = descend(
            model, data.train, settings.learning_rate, settings.weight_decay
        )
        scores = {
            f"{part}/{name}": value
            for part, flowers in (("train", data.train), ("test", data.test))
            for name, value in judge(model, flowers).items()
        }
        run.log_metrics(scores, step=epoch)
    return model


def save(run: AppRun, model: Model, data: Data, output: str) -> None:
    """Write the weights, and track them together with the confusion matrix."""
    path = Path(output).resolve()
    content = {
        "species": data.species,
        "features": [*data.features, "bias"],
        "weights": model.weights,
    }
    path.write_text(json.dumps(content, indent=2) + "\n")
    run.log_file(path, kind="model.weights", name="weights")
    matrix = confusion(model, data.test, len(data.species))
    run.add_metadata(confusion_matrix=matrix, labels=data.species)


def main() -> None:
    """Train, track, and say how well the flowers of the test are named."""
    settings = arguments()
    run = AppRun.run_from_env()
    run.log_params(settings)
    run.set_tags({"task": "classification", "python": platform.python_version()})
    run.add_source(Path(settings.data).name, "dataset")
    data = load(settings.data, settings.test_share, settings.seed)
    model = train(run, data, settings)
    save(run, model, data, settings.output)
    accuracy = judge(model, data.test)["accuracy"]
    print(f"test accuracy {accuracy:.3f} on {len(data.test)} flowers")


if __name__ == "__main__":
    main()
