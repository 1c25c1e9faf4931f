"""One module per API: a reading in that API's own words."""
