"""The bar on stderr that shows how far a command is."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def bar(word: str, photos: int, *, shown: bool) -> Progress:
    """A bar with one task for `photos` photos; `word` says what is done with them. Nothing is drawn unless `shown`."""
    columns = (TextColumn(word), BarColumn(), MofNCompleteColumn(), TextColumn("photos,"), TimeRemainingColumn())
    progress = Progress(
        *columns, console=Console(stderr=True), disable=not shown, transient=True, redirect_stdout=False
    )
    progress.add_task(word, total=photos)
    return progress
