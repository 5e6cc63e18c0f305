"""Bundles and aliases on an object store. One atomic primitive carries everything: put-if-absent.

`store` is the seam to the object store (`disk` and `s3` stand behind it), `names` turns checked names into keys,
`record` reads and writes the small JSON objects, `bundle` publishes and reads versions, `alias` moves names over them.
docs/registry.md has the protocol on one page.
"""
