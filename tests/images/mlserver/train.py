"""Trains three versions of a small model that recognises handwritten digits, and writes them as MLServer expects them.

Version 1 has seen few digits, version 2 all but those that it is tested on. Version 3 is right still more often, and
takes about a hundred times as long to answer. Each tells its accuracy on the same digits, and how long one takes.
"""

import json
import sys
import time
from pathlib import Path

import joblib
from sklearn.datasets import load_digits
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler


def main(folder: Path) -> None:
    images, digits = load_digits(return_X_y=True)
    seen, tested, labels, truth = train_test_split(images, digits, test_size=0.25, random_state=0, stratify=digits)
    models = {
        "1": simple().fit(seen[:60], labels[:60]),
        "2": simple().fit(seen, labels),
        "3": ExtraTreesClassifier(n_estimators=3000, random_state=0).fit(seen, labels),
    }
    for version, model in models.items():
        right, began = model.score(tested, truth), time.monotonic()
        model.predict(tested[:1])
        took = time.monotonic() - began
        print(f"version {version}: {right:.1%} of {len(truth)} digits right, {1000 * took:.0f} ms for one")
        write(model, version, folder / version)


def simple() -> Pipeline:
    """Not fitted yet."""
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))


def write(model: object, version: str, folder: Path) -> None:
    folder.mkdir(parents=True)
    joblib.dump(model, folder / "model.joblib", compress=3)
    settings = {
        "name": "digits",
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": "./model.joblib", "version": version},
    }
    (folder / "model-settings.json").write_text(json.dumps(settings, indent=2) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
