"""Bundles and aliases on an object store. One atomic primitive carries everything: put-if-absent. See docs/registry.md."""
