"""A training run planned by the clock: its schedule, its running average of the weights, its checkpoints and its
log.
"""

import argparse
import json
import math
import time
from datetime import datetime, timedelta
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from training.folders import ROOT, SHARED

SAVE_EVERY = 120  # seconds
WARM_UP = 150  # steps


def arguments(doc: str | None) -> argparse.ArgumentParser:
    """The options that every training command takes."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=SHARED, help="photos, fonts and tables")
    parser.add_argument("--until", required=True, help="HH:MM by this machine's clock: the learning rate is zero then")
    parser.add_argument("--rate", type=float, default=1.5e-3, help="highest learning rate")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--afresh", action="store_true", help="leave the committed state alone: start from first weights"
    )
    parser.add_argument("--work", type=Path, help="checkpoints and log (default: training/work/<network>)")
    return parser


def seconds_until(clock: str) -> float:
    """Seconds to the next HH:MM."""
    hour, minute = map(int, clock.split(":"))
    now = datetime.now()
    end = now.replace(hour=hour, minute=minute, second=0)
    return ((end if end > now else end + timedelta(days=1)) - now).total_seconds()


class Run:
    """One network's training. `live` learns, `average` follows it and is what gets exported."""

    def __init__(self, name: str, live: nn.Module, average: nn.Module, args: argparse.Namespace, clip: float) -> None:
        self.live, self.average, self.clip, self.rate = live, average, clip, args.rate
        self.work: Path = args.work or checkpoint_file(name).parent
        self.work.mkdir(parents=True, exist_ok=True)
        self.checkpoint = self.work / "last.safetensors"
        self.average.load_state_dict(live.state_dict())
        self.seen = self._resume([self.checkpoint] if args.afresh else [self.checkpoint, state_file(name)])
        matrices = [p for p in live.parameters() if p.ndim > 1]
        vectors = [p for p in live.parameters() if p.ndim <= 1]
        groups = [{"params": matrices, "weight_decay": 0.02}, {"params": vectors, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.98))
        self.started, self.span = time.time(), seconds_until(args.until)
        self.step, self.sums, self.counted = 0, dict[str, float](), 0
        self.reported, self.saved, self.seen_then = time.time(), time.time(), self.seen

    def _resume(self, candidates: list[Path]) -> int:
        for path in candidates:
            if path.exists():
                state = load_file(path)
                average = _part(state, "ema.")
                for network, kept in ((self.average, average), (self.live, _part(state, "live.") or average)):
                    # A head that is new since then starts afresh; nothing else may be missing.
                    new = network.load_state_dict(kept, strict=False)
                    if new.unexpected_keys:
                        raise ValueError(f"{path.name} holds {new.unexpected_keys}, which the network has not")
                    if new.missing_keys:
                        print(f"new: {', '.join(new.missing_keys)}", flush=True)
                seen = json.loads(path.with_suffix(".json").read_text())["seen"]
                print(f"resumed from {path.name}, {seen} samples seen", flush=True)
                return seen
        return 0

    def over(self) -> bool:
        return time.time() - self.started >= self.span

    def learn(self, losses: dict[str, Tensor], samples: int) -> None:
        """One step down the gradient of `losses["total"]`."""
        share = min(1.0, (time.time() - self.started) / self.span)
        rate = self.rate * min(1.0, (self.step + 1) / WARM_UP) * (0.5 + 0.5 * math.cos(math.pi * share))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        losses["total"].backward()
        torch.nn.utils.clip_grad_norm_(self.live.parameters(), self.clip)
        self.optimiser.step()
        self.step, self.seen = self.step + 1, self.seen + samples
        keep = min(0.998, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for ours, theirs in zip(self.average.state_dict().values(), self.live.state_dict().values(), strict=True):
                if ours.is_floating_point():
                    ours.lerp_(theirs, 1 - keep)
                else:
                    ours.copy_(theirs)
        for name, value in losses.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value.detach())
        self.counted += 1
        if self.counted == 50:
            self._report(rate)
        if time.time() - self.saved > SAVE_EVERY:
            self.save()

    def _report(self, rate: float) -> None:
        line: dict[str, float | str] = {name: round(value / self.counted, 4) for name, value in self.sums.items()}
        speed = (self.seen - self.seen_then) / (time.time() - self.reported)
        line |= {
            "seen": self.seen,
            "rate": round(rate, 6),
            "per_second": round(speed, 1),
            "at": f"{datetime.now():%H:%M}",
        }
        with (self.work / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")
        self.sums, self.counted, self.reported, self.seen_then = {}, 0, time.time(), self.seen

    def save(self) -> None:
        state = {f"live.{k}": v.contiguous() for k, v in self.live.state_dict().items()}
        state |= {f"ema.{k}": v.contiguous() for k, v in self.average.state_dict().items()}
        part = self.checkpoint.with_suffix(".part")
        save_file(state, part)
        part.rename(self.checkpoint)
        self.checkpoint.with_suffix(".json").write_text(json.dumps({"seen": self.seen}) + "\n")
        self.saved = time.time()


def _part(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        k.removeprefix(prefix): v.float() if v.is_floating_point() else v
        for k, v in state.items()
        if k.startswith(prefix)
    }


def averaged_weights(checkpoint: Path) -> dict[str, Tensor]:
    """The averaged weights of a checkpoint or of a committed state."""
    return _part(load_file(checkpoint), "ema.")


def checkpoint_file(name: str) -> Path:
    """Where a training saves what it resumes from on this machine, unless it is told another place."""
    return ROOT / "training/work" / name / "last.safetensors"


def state_file(name: str) -> Path:
    """Where the state that the next training resumes from is committed."""
    return ROOT / "training/state" / f"{name}.safetensors"


def commit_state(name: str, checkpoint: Path) -> None:
    """Writes the averaged weights in half precision into training/state."""
    target = state_file(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    half = {f"ema.{k}": v.half() if v.is_floating_point() else v for k, v in averaged_weights(checkpoint).items()}
    save_file({k: v.contiguous() for k, v in half.items()}, target)
    target.with_suffix(".json").write_text(checkpoint.with_suffix(".json").read_text())
