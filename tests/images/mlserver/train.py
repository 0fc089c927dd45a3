"""Trains two versions of a small model that recognises handwritten digits, and writes them as MLServer expects them.

Version 1 has seen few digits, version 2 all but those that it is tested on; each tells its accuracy on the same digits.
"""

import json
import sys
from pathlib import Path

import joblib
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SEEN = {"1": 60, "2": None}


def main(folder: Path) -> None:
    images, digits = load_digits(return_X_y=True)
    seen, tested, labels, truth = train_test_split(images, digits, test_size=0.25, random_state=0, stratify=digits)
    for version, number in SEEN.items():
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(seen[:number], labels[:number])
        print(f"version {version}: {model.score(tested, truth):.1%} of {len(truth)} digits right")
        write(model, version, folder / version)


def write(model: object, version: str, folder: Path) -> None:
    folder.mkdir(parents=True)
    joblib.dump(model, folder / "model.joblib")
    settings = {
        "name": "digits",
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": "./model.joblib", "version": version},
    }
    (folder / "model-settings.json").write_text(json.dumps(settings, indent=2) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
