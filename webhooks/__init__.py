"""Tells receivers about readings, and gives the jobs of dead workers to living ones."""
