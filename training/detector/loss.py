"""Which cell answers for which plate, and what a wrong answer costs."""

import torch
from torch import Tensor
from torch.nn import functional

# Longest side of a thing, in input pixels, that each stride answers for. They overlap, so that no size is a border.
Sides = dict[int, tuple[float, float]]
PLATE_SIDES: Sides = {8: (0.0, 96.0), 16: (56.0, 224.0), 32: (160.0, 1e9)}
VEHICLE_SIDES: Sides = {16: (24.0, 144.0), 32: (96.0, 1e9)}
RADIUS = 1.5  # strides round the centre in which cells are positive (FCOS's centre sampling, Tian et al. 2019, 3.1)


def assign(boxes: Tensor, centres: Tensor, strides: Tensor, sides: Sides) -> Tensor:
    """Index of the plate that each cell answers for, -1 for none.

    boxes: [plates, 4] x1, y1, x2, y2 in pixels; centres: [cells, 2]; strides: [cells]. Returns [cells] int64.
    A cell that two plates claim goes to the smaller.
    """
    owner = torch.full((len(centres),), -1, dtype=torch.int64)
    if not len(boxes):
        return owner
    low, high = torch.zeros(len(strides)), torch.zeros(len(strides))
    for stride, (least, most) in sides.items():
        low[strides == stride], high[strides == stride] = least, most
    size = boxes[:, 2:] - boxes[:, :2]
    middle = (boxes[:, 2:] + boxes[:, :2]) / 2
    for plate in size.prod(1).argsort(descending=True).tolist():
        side = size[plate].max()
        fits = (side >= low) & (side < high)
        away = (centres - middle[plate]).abs()
        reach = torch.minimum(RADIUS * strides[:, None], (size[plate] / 2).expand(len(centres), 2))
        # Half a stride: the cell that holds the centre of a plate thinner than a cell still answers for it.
        reach = torch.maximum(reach, strides[:, None] / 2)
        owner[fits & (away <= reach).all(1)] = plate
    return owner


def giou(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and generalised IoU of boxes pairwise, both [n] (Rezatofighi et al. 2019)."""
    inter = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(1)
    area = (a[:, 2:] - a[:, :2]).clamp(min=0).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - inter
    iou = inter / area.clamp(min=1e-6)
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).clamp(min=0).prod(1)
    return iou, iou - (hull - area) / hull.clamp(min=1e-6)


def detection_loss(
    raw: Tensor, targets: list[dict[str, Tensor]], centres: Tensor, strides: Tensor, sides: Sides = PLATE_SIDES
) -> dict[str, Tensor]:
    """Losses of a batch; their sum is under `total`.

    raw: [n, cells, 13 or 5]. A target holds `boxes` [p, 4], `corners` [p, 8] (NaN where unknown; not looked at without
    corners in `raw`) and `ignore` [q, 4]: places where a detection is neither right nor wrong.
    """
    score_targets, score_weights = torch.zeros(raw.shape[:2]), torch.ones(raw.shape[:2])
    predicted, wanted, scale, corner_out, corner_want, quality_at = [], [], [], [], [], []
    for n, target in enumerate(targets):
        for x1, y1, x2, y2 in target["ignore"].tolist():
            inside = (centres[:, 0] >= x1) & (centres[:, 0] <= x2) & (centres[:, 1] >= y1) & (centres[:, 1] <= y2)
            score_weights[n, inside] = 0
        owner = assign(target["boxes"], centres, strides, sides)
        cells = (owner >= 0).nonzero()[:, 0]
        if not len(cells):
            continue
        out, at, step = raw[n, cells], centres[cells], strides[cells, None]
        predicted.append(torch.cat([at - out[:, 1:3] * step, at + out[:, 3:5] * step], 1))
        wanted.append(target["boxes"][owner[cells]])
        if raw.shape[2] > 5:
            corner_want.append(target["corners"][owner[cells]])
            corner_out.append((out[:, 5:].reshape(-1, 4, 2) * step[:, None] + at[:, None]).reshape(-1, 8))
        scale.append(step.expand(-1, 8))
        quality_at.append((n, cells))
    zero = raw.sum() * 0
    box_loss, corner_loss, positives = zero, zero, 1
    if predicted:
        want = torch.cat(wanted)
        iou, general = giou(torch.cat(predicted), want)
        box_loss = (1 - general).mean()
        positives = len(want)
        start = 0
        for n, cells in quality_at:
            # The score learns the box's own overlap, so that non-maximum suppression keeps the best box.
            score_targets[n, cells] = iou[start : start + len(cells)].detach().clamp(min=0.05)
            score_weights[n, cells] = 1
            start += len(cells)
        corners = torch.cat(corner_want) if corner_want else torch.full((1, 8), torch.nan)
        known = ~corners.isnan().any(1)
        if known.any():
            # In units of the plate's height: a corner's error costs alike on small and large plates.
            height = (want[:, 3] - want[:, 1]).clamp(min=4)[known, None]
            corner_loss = functional.smooth_l1_loss(
                torch.cat(corner_out)[known] / height, corners[known] / height, beta=0.1
            )
    # Varifocal loss (Zhang et al. 2021): positives weighted by their quality, negatives by how wrong they are. Their
    # exponent of 2 let hundreds of background cells rest at 0.3 after a short training; 1 presses them down.
    logits = raw[..., 0]
    weight = torch.where(score_targets > 0, score_targets, logits.detach().sigmoid()) * score_weights
    score_loss = (functional.binary_cross_entropy_with_logits(logits, score_targets, reduction="none") * weight).sum()
    score_loss = score_loss / positives
    total = score_loss + 2 * box_loss + 1.5 * corner_loss
    return {"total": total, "score": score_loss, "box": box_loss, "corners": corner_loss}
