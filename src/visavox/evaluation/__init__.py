"""Tables to reports: protocols, baselines, plots."""
