"""The pages of the service for people: match, search, draw, reports, corpora."""
