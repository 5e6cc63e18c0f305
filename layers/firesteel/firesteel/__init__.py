"""Firesteel: what training and serving must agree on: definitions, programs, bundles and aliases."""
