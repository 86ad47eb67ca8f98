"""A cluster as kubectl shows it: before the manifests are applied, and after.

Only what changes nothing is asked: version, get, and a port that is forwarded to loopback.
"""
