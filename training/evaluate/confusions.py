"""Which characters are taken for which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from training.evaluate.metrics import Judged


def steps(truth: str, reading: str) -> list[tuple[str, str]]:
    """One cheapest way from `truth` to `reading`, without the characters that stay: ("O", "0") is a character taken for
    another, ("1", "") one lost, ("", "8") one that is not there.
    """
    rows, columns = len(truth), len(reading)
    cost = [[i + j if not i or not j else 0 for j in range(columns + 1)] for i in range(rows + 1)]
    for i in range(1, rows + 1):
        for j in range(1, columns + 1):
            change = cost[i - 1][j - 1] + (truth[i - 1] != reading[j - 1])
            cost[i][j] = min(change, cost[i - 1][j] + 1, cost[i][j - 1] + 1)
    found, i, j = [], rows, columns
    while i or j:
        if i and j and cost[i][j] == cost[i - 1][j - 1] + (truth[i - 1] != reading[j - 1]):
            i, j = i - 1, j - 1
            step = (truth[i], reading[j])
        elif i and cost[i][j] == cost[i - 1][j] + 1:
            i -= 1
            step = (truth[i], "")
        else:
            j -= 1
            step = ("", reading[j])
        if step[0] != step[1]:
            found.append(step)
    return found[::-1]


def confusions(judged: Iterable[Judged]) -> list[dict[str, object]]:
    """Each confusion and its count, the most common first, over the plates that were found and read wrong."""
    counts = Counter(
        step
        for each in judged
        if each.found and each.label.readable and not each.right
        for step in steps(each.label.text, each.reading)
    )
    return [{"truth": truth, "reading": reading, "n": n} for (truth, reading), n in counts.most_common()]
