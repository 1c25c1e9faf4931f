"""Drawn plates: the formats of plate_formats.csv in free typefaces, with what real plates carry besides their text."""
