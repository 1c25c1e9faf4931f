"""Delivers recognitions to targets, and gives the jobs of dead workers to living ones."""
