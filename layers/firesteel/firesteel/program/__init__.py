"""The compiled form of a model: data that numpy alone scores. `predictor.load` is the way in; docs/format.md the spec."""
