"""Prices of the spec compared with a public list: what is out of date, and what to write."""
