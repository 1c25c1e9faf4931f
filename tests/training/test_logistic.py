"""Scores fitted by logistic regression."""

from __future__ import annotations

import numpy as np
import pytest

from training.logistic import fitted, logits


def test_it_finds_the_weights_that_made_the_answers() -> None:
    rng = np.random.default_rng(1)
    inputs = rng.normal(0, 2, (20_000, 2))
    chance = 1 / (1 + np.exp(-(1.5 * inputs[:, 0] - 0.5 * inputs[:, 1] + 0.7)))
    weights = fitted(inputs, (rng.random(20_000) < chance).astype(float), prior=[1.0, 0.0, 0.0])
    assert weights == pytest.approx([1.5, -0.5, 0.7], abs=0.08)


def test_without_samples_it_keeps_the_prior() -> None:
    assert fitted(np.zeros((0, 2)), np.zeros(0), prior=[1.0, 0.0, 0.0]) == pytest.approx([1.0, 0.0, 0.0])


def test_certain_scores_have_finite_logits() -> None:
    assert np.isfinite(logits(np.array([0.0, 1.0]))).all()
    assert logits(np.array([0.5])) == pytest.approx([0.0])
