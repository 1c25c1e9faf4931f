"""Logistic regression by Newton's method: what makes scores mean something.

J. Platt, "Probabilistic Outputs for Support Vector Machines", 1999.
"""

import numpy as np
from numpy.typing import NDArray


def fitted(inputs: NDArray[np.float64], right: NDArray[np.float64], prior: list[float]) -> list[float]:
    """Weights of the inputs [n, k] and, last, the offset, for the chance of `right` [n] (0 or 1).

    `prior` has k + 1 weights, towards which a hair of regularisation pulls: few samples stay near it.
    """
    design = np.concatenate([inputs, np.ones((len(inputs), 1))], 1)
    weights = np.array(prior, float)
    for _ in range(50):
        chance = 1 / (1 + np.exp(-(design @ weights)))
        slope = design.T @ (chance - right) + 1e-3 * (weights - prior)
        curve = (design * (chance * (1 - chance))[:, None]).T @ design + 1e-3 * np.eye(len(weights))
        step = np.linalg.solve(curve, slope)
        weights = weights - step
        if np.abs(step).max() < 1e-6:
            break
    return [float(weight) for weight in weights]


def logits(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log odds of scores; 0 and 1 become the surest that float32 tells apart from them."""
    held = scores.clip(1e-6, 1 - 1e-6)
    return np.log(held / (1 - held))
