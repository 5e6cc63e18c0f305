"""Other tools that work beside Firesteel: MLflow, ONNX and Evidently. Each is an extra, imported when it is asked for."""
