"""HTTP in and out: keys, limits, uploads, one module per API face."""
