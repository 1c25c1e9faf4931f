"""Which vehicle a plate belongs to, as registers say: the operator's own, and other people's, asked by HTTP."""

from worker.lookup.lookups import Inquiry, Lookups, Wish, open_lookups

__all__ = ["Inquiry", "Lookups", "Wish", "open_lookups"]
