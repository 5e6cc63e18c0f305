"""Fitted scikit-learn pipelines become a program: data only. What cannot be expressed is refused by name.

Understood: the definition's feature steps, (Tfidf|Count)Vectorizer, TfidfTransformer, FeatureUnion; LogisticRegression,
LinearRegression, Ridge, Lasso, ElasticNet, PoissonRegressor, the gradient boosting of scikit-learn, LightGBM and CatBoost.
`frames` tells pipelines over the columns of a frame in the words of these.
"""

from functions.train.compile.program import request_schema, target, text_schema, to_program, to_router

__all__ = ["request_schema", "target", "text_schema", "to_program", "to_router"]
