"""The side of MLflow: our model in its scoring server.

`python serving_mlflow.py MODEL_FILE FOLDER` saves it; `mlflow models serve -m FOLDER` serves it.
"""

from __future__ import annotations

import sys
from typing import Any

import mlflow.pyfunc

import windowclf


class Tagging(mlflow.pyfunc.PythonModel):
    """Texts in, spans out."""

    def load_context(self, context: Any) -> None:
        options = windowclf.TagOptions(cache_mb=16)
        self.tagger = windowclf.load(context.artifacts["model"], options)

    def predict(self, context: Any, model_input: list[str]) -> list[list[dict[str, Any]]]:
        answers = self.tagger.predict_texts(model_input)
        return [
            [{"start": s.start, "end": s.end, "label": s.label, "score": s.score} for s in spans]
            for spans in answers
        ]


if __name__ == "__main__":
    mlflow.pyfunc.save_model(
        sys.argv[2],
        python_model=Tagging(),
        artifacts={"model": sys.argv[1]},
        pip_requirements=["mlflow"],
    )
