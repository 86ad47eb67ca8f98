"""What a release needs: a reproducible wheel, a bill of materials, an audit of what is used.

`make wheel`, `make sbom`, `make audit`; the steps of a release are in docs/guide/releasing.md.
"""
