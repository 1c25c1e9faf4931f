"""Fitted weights in a pack's manifest."""

from pathlib import Path


def write_weights(pack: Path, table: str, weights: list[float]) -> None:
    """Writes `weights` of a table such as `plate_reader.plate`; a table that is not there is added at the end."""
    manifest = pack / "manifest.toml"
    line = f"weights = [{', '.join(f'{weight:.3f}' for weight in weights)}]"
    heading, lines = f"[{table}]", manifest.read_text().splitlines()
    if heading not in lines:
        lines += ["", heading, line]
    else:
        start = lines.index(heading) + 1
        end = next((at for at in range(start, len(lines)) if lines[at].startswith("[")), len(lines))
        known = [at for at in range(start, end) if lines[at].startswith("weights = ")]
        lines[known[0] if known else start : known[0] + 1 if known else start] = [line]
    manifest.write_text("\n".join(lines) + "\n")
