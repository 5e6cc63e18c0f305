"""The definition's feature steps as scikit-learn transformers: one module a step says how to build, fit and compile it.

Input: a mapping from name to column (see Dataset.columns): categories list[str | None], numbers and timestamps float64
with NaN for missing. Output: float64 [rows, features], dense. Text is different, and sparse: see tfidf.
"""
