"""Scores a pack on labelled photos and crops. `python -m training.evaluate --help` tells how."""
