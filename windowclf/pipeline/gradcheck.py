"""gradcheck: the hand-derived gradients of a config's own network, checked on its own data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits

from windowclf.config.reading import ConfigLike, as_config
from windowclf.network.gradient_check import ArrayCheck, GradientProblem, check_gradients
from windowclf.network.trainer import Trainer
from windowclf.pipeline.assembly import architecture_of, settings_of
from windowclf.pipeline.input_files import looks_beside_config
from windowclf.pipeline.listener import SILENT, Listener
from windowclf.pipeline.reading import layout_of
from windowclf.pipeline.texts import texts_of
from windowclf.pipeline.training_data import training_data
from windowclf.system.arguments import checked_arguments

GRADCHECK_TOKENS = 32


@looks_beside_config
@checked_arguments
def gradcheck(
    config: ConfigLike, overrides: Sequence[str] = (), listener: Listener = SILENT
) -> list[ArrayCheck]:
    """Compare the gradients of a config's network with central differences.

    One ArrayCheck per parameter array, in float64, on a small part of the config's first batch,
    with fixed dropout masks.
    """
    resolved = as_config(config, overrides)
    texts = texts_of(resolved)
    data = training_data(resolved, layout_of(resolved, texts["train"]), texts)
    architecture = architecture_of(resolved, data)
    settings = replace(settings_of(resolved, data), dtype="float64", batch_tokens=GRADCHECK_TOKENS)
    with threadpool_limits(limits=1):
        given = data.given, data.learnt
        trainer = Trainer(architecture, data.corpus, data.slots, settings, None, *given)
        batch, masks = trainer.next_batch()
        problem = GradientProblem(
            architecture, trainer.parameters, batch, settings.objective, masks
        )
        rng = np.random.default_rng(resolved.seed)
        return check_gradients(problem, rng, progress=listener.checked)
